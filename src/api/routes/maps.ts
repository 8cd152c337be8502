/** Maps of programs: made, read, written. */
import { z } from "zod";
import { JunctorError } from "../../errors.js";
import type { XdpMap } from "../../xdp/maps/store.js";
import type { MapTypeName } from "../../xdp/spec.js";
import { fromHex, type MapValues, mapValues, placeOf } from "../map-values.js";
import { route } from "../route.js";
import {
  batchBody,
  hex,
  keyBody,
  mapCreateBody,
  pinBody,
  pushBody,
  takeBody,
  updateBody,
} from "../schemas-programs.js";
import type { Service } from "../service.js";
import { mapJson } from "../views-programs.js";

const mapParams = z.object({
  map: z.coerce.number().int().min(1).max(0xffff_ffff).describe("Handle of the map"),
});
const dumpQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(1000).describe("Entries in one answer"),
  after: hex.optional().describe("Goes on after this key: `next` of the answer before"),
});

/** A value of 4 MiB, twice, in hexadecimal. */
const largestEntry = 17 << 20;

interface Opened {
  readonly handle: number;
  readonly values: MapValues;
  /** @throws DataplaneError EOPNOTSUPP where the map is another process's. */
  own(): XdpMap;
}

async function open({ plane }: Service, handle: number): Promise<Opened> {
  const state = await plane.map.get({ map: handle });
  const map = plane.map.open({ map: handle });
  return {
    handle,
    values: mapValues({ ...state, type: state.type as MapTypeName }, plane.map.shape({ map: handle })),
    own() {
      if (map !== undefined) return map;
      throw new JunctorError("EOPNOTSUPP", `map ${handle}: the kernel's maps are read and written by key only`);
    },
  };
}

const noEntry = (handle: number): JunctorError => new JunctorError("ENOENT", `map ${handle}: no such entry (ENOENT)`);

async function take(service: Service, handle: number, { remove, ...entry }: z.infer<typeof takeBody>) {
  const { values, own } = await open(service, handle);
  const key = values.key(entry);
  const value = remove ? own().lookupAndDelete(key) : await service.plane.map.lookup({ map: handle, key });
  if (value === undefined) throw noEntry(handle);
  return values.entry({ key, value });
}

async function dump(service: Service, handle: number, { limit, after }: z.infer<typeof dumpQuery>) {
  const { values } = await open(service, handle);
  const found = await service.plane.map.dump({
    map: handle,
    limit: limit + 1,
    ...(after !== undefined && { after: fromHex(after) }),
  });
  const entries = found.slice(0, limit);
  return { entries: entries.map(values.entry), next: found.length > limit ? placeOf(entries.at(-1)!) : null };
}

async function batch(service: Service, handle: number, body: z.infer<typeof batchBody>) {
  const { plane } = service;
  const { values } = await open(service, handle);
  // Everything is read before anything is changed.
  const entries = body.update.map((entry) => ({ key: values.key(entry), value: values.value(entry) }));
  const keys = body.delete.map(values.key);
  const updated = entries.length === 0 ? 0 : await plane.map.updateBatch({ map: handle, entries });
  return { updated, deleted: keys.length === 0 ? 0 : await plane.map.deleteBatch({ map: handle, keys }) };
}

async function next(service: Service, handle: number, body: z.infer<typeof keyBody>) {
  const { values, own } = await open(service, handle);
  const first = body.key === undefined && body.formatted?.key === undefined;
  const key = own().nextKey(first ? undefined : values.key(body));
  if (key === undefined) throw noEntry(handle);
  return values.entry({ key });
}

const onMap = { params: mapParams, maxBody: largestEntry } as const;

export const mapRoutes = [
  route({
    method: "get",
    path: "/v1/maps",
    operation: "showMaps",
    summary: "Maps",
    answer: "Maps",
    handle: async ({ plane }) => ({
      maps: (await plane.map.list()).map((state) => mapJson(state, plane.map.shape({ map: state.map }))),
    }),
  }),
  route({
    method: "post",
    path: "/v1/maps",
    operation: "createMap",
    summary: "Makes a map; it stays until it is released and no program or pin holds it",
    body: mapCreateBody,
    answer: "Map",
    refuses: ["EINVAL", "E2BIG", "ENOMEM", "EEXIST"],
    handle: async ({ plane }, { body: { pin, ...body } }) => {
      const state = await plane.map.create({ ...body, ...(pin !== undefined && { pin }) });
      return mapJson(state, plane.map.shape({ map: state.map }));
    },
  }),
  route({
    method: "get",
    path: "/v1/maps/{map}",
    operation: "showMap",
    summary: "One map",
    params: mapParams,
    answer: "Map",
    refuses: ["ENOENT"],
    handle: async ({ plane }, { params }) => mapJson(await plane.map.get(params), plane.map.shape(params)),
  }),
  route({
    method: "delete",
    path: "/v1/maps/{map}",
    operation: "releaseMap",
    summary: "Lets go of a map that was made by itself",
    params: mapParams,
    refuses: ["ENOENT", "EINVAL"],
    handle: ({ plane }, { params }) => plane.map.release(params),
  }),
  route({
    method: "put",
    path: "/v1/maps/{map}/pin",
    operation: "pinMap",
    summary: "Gives a map a name under which it stays, or takes it away",
    params: mapParams,
    body: pinBody,
    refuses: ["ENOENT", "EEXIST"],
    handle: ({ plane }, { params, body }) => plane.map.pin({ ...params, ...body }),
  }),
  route({
    method: "get",
    path: "/v1/maps/{map}/entries",
    operation: "dumpMap",
    summary: "Entries of a map",
    params: mapParams,
    query: dumpQuery,
    answer: "MapEntries",
    refuses: ["ENOENT", "EOPNOTSUPP"],
    handle: (service, { params, query }) => dump(service, params.map, query),
  }),
  route({
    ...onMap,
    method: "post",
    path: "/v1/maps/{map}/lookup",
    operation: "lookupEntry",
    summary: "The entry with a key; of a queue or stack, the value that comes next",
    body: takeBody,
    answer: "MapEntry",
    refuses: ["ENOENT", "EINVAL", "EOPNOTSUPP"],
    handle: (service, { params, body }) => take(service, params.map, body),
  }),
  route({
    ...onMap,
    method: "post",
    path: "/v1/maps/{map}/next",
    operation: "nextKey",
    summary: "The key after a key; without one, the first",
    body: keyBody,
    answer: "MapEntry",
    refuses: ["ENOENT", "EINVAL", "EOPNOTSUPP"],
    handle: (service, { params, body }) => next(service, params.map, body),
  }),
  route({
    ...onMap,
    method: "post",
    path: "/v1/maps/{map}/update",
    operation: "updateEntry",
    summary: "Writes an entry",
    body: updateBody,
    refuses: ["ENOENT", "EEXIST", "EINVAL", "E2BIG", "EPERM"],
    handle: async (service, { params, body: { mode, ...entry } }) => {
      const { values } = await open(service, params.map);
      await service.plane.map.update({ ...params, key: values.key(entry), value: values.value(entry), mode });
    },
  }),
  route({
    ...onMap,
    method: "post",
    path: "/v1/maps/{map}/delete",
    operation: "deleteEntry",
    summary: "Takes an entry away",
    body: keyBody,
    refuses: ["ENOENT", "EINVAL", "EPERM"],
    handle: async (service, { params, body }) => {
      const { values } = await open(service, params.map);
      await service.plane.map.delete({ ...params, key: values.key(body) });
    },
  }),
  route({
    ...onMap,
    method: "post",
    path: "/v1/maps/{map}/batch",
    operation: "batchEntries",
    summary: "Writes and takes away several entries; the first that is refused ends it",
    body: batchBody,
    answer: "MapBatch",
    refuses: ["ENOENT", "EEXIST", "EINVAL", "E2BIG", "EPERM"],
    handle: (service, { params, body }) => batch(service, params.map, body),
  }),
  route({
    ...onMap,
    method: "post",
    path: "/v1/maps/{map}/push",
    operation: "pushValue",
    summary: "Puts a value into a queue, stack or bloom filter",
    body: pushBody,
    refuses: ["ENOENT", "EINVAL", "E2BIG", "EOPNOTSUPP"],
    handle: async (service, { params, body: { replace, ...entry } }) => {
      const { values, own } = await open(service, params.map);
      own().push(values.value(entry), replace ? 2 : 0);
    },
  }),
  route({
    method: "post",
    path: "/v1/maps/{map}/pop",
    operation: "popValue",
    summary: "Takes the next value out of a queue or stack",
    params: mapParams,
    answer: "MapEntry",
    refuses: ["ENOENT", "EOPNOTSUPP"],
    handle: async (service, { params }) => {
      const { values, own } = await open(service, params.map);
      const value = own().pop();
      if (value === undefined) throw noEntry(params.map);
      return values.entry({ value });
    },
  }),
];
