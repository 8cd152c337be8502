/** Programs: loaded, shown, pinned, unloaded; and where they run. */
import { z } from "zod";
import type { AttachmentState } from "../../dataplane/attributes.js";
import { listingQuery } from "../listing.js";
import { route } from "../route.js";
import type { DeviceJson } from "../schemas-programs.js";
import { attachBody, pinBody, programLoadBody, replaceBody } from "../schemas-programs.js";
import type { Service } from "../service.js";
import { attachmentJson, createHooked, deviceMatcher, mapJson, programJson } from "../views-programs.js";

const handle = (what: string) => z.coerce.number().int().min(1).max(0xffff_ffff).describe(`Handle of the ${what}`);
const programParams = z.object({ program: handle("program") });
const attachmentParams = z.object({ attachment: handle("attachment") });

/** An object of 32 MiB in base64, and what is said with it. */
const largestLoad = 50 << 20;

const defined = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never;

async function load({ plane }: Service, { object, ...rest }: z.infer<typeof programLoadBody>) {
  const bytes = new Uint8Array(Buffer.from(object, "base64"));
  const { programs, maps } = await plane.program.load(defined({ object: bytes, ...rest }));
  return {
    programs: programs.map(programJson),
    maps: maps.map((state) => mapJson(state, plane.map.shape({ map: state.map }))),
  };
}

const programRoutes = [
  route({
    method: "get",
    path: "/v1/programs",
    operation: "showPrograms",
    summary: "Programs that are loaded",
    answer: "Programs",
    handle: async ({ plane }) => ({ programs: (await plane.program.list()).map(programJson) }),
  }),
  route({
    method: "post",
    path: "/v1/programs",
    operation: "loadPrograms",
    summary: "Loads programs of an object file, and its maps; a refusal of the verifier (EACCES) has its log",
    body: programLoadBody,
    maxBody: largestLoad,
    answer: "Loaded",
    refuses: ["EACCES", "EINVAL", "E2BIG", "ENOENT", "ENOMEM", "EEXIST"],
    handle: (service, { body }) => load(service, body),
  }),
  route({
    method: "put",
    path: "/v1/programs/statistics",
    operation: "measurePrograms",
    summary: "Measures the time that programs take from now on, or does not",
    body: z.object({ on: z.boolean() }),
    handle: ({ plane }, { body }) => plane.program.statistics(body.on),
  }),
  route({
    method: "get",
    path: "/v1/programs/{program}",
    operation: "showProgram",
    summary: "One program",
    params: programParams,
    answer: "Program",
    refuses: ["ENOENT"],
    handle: async ({ plane }, { params }) => programJson(await plane.program.get(params)),
  }),
  route({
    method: "delete",
    path: "/v1/programs/{program}",
    operation: "unloadProgram",
    summary: "Lets go of a program; it stays until no attachment, map or pin holds it",
    params: programParams,
    refuses: ["ENOENT"],
    handle: ({ plane }, { params }) => plane.program.unload(params),
  }),
  route({
    method: "get",
    path: "/v1/programs/{program}/dump",
    operation: "dumpProgram",
    summary: "A program's instructions as text",
    params: programParams,
    answer: "ProgramDump",
    refuses: ["ENOENT"],
    handle: async ({ plane }, { params }) => ({ ...params, text: await plane.program.dump(params) }),
  }),
  route({
    method: "put",
    path: "/v1/programs/{program}/pin",
    operation: "pinProgram",
    summary: "Gives a program a name under which it stays, or takes it away",
    params: programParams,
    body: pinBody,
    refuses: ["ENOENT", "EEXIST"],
    handle: ({ plane }, { params, body }) => plane.program.pin({ ...params, ...body }),
  }),
];

const attachmentRoutes = [
  route({
    method: "get",
    path: "/v1/attachments",
    operation: "showAttachments",
    summary: "Which programs run where",
    answer: "Attachments",
    handle: async ({ plane }) => ({ attachments: (await plane.device.attachments()).map(attachmentJson) }),
  }),
  route({
    method: "post",
    path: "/v1/attachments",
    operation: "attachProgram",
    summary: "Has a program run on what enters or leaves devices",
    body: attachBody,
    answer: "Attachment",
    refuses: ["ENODEV", "ENOENT", "EINVAL", "E2BIG", "EOPNOTSUPP"],
    handle: async ({ plane }, { body }) => attachmentJson(await plane.device.attach(defined(body))),
  }),
  route({
    method: "put",
    path: "/v1/attachments/{attachment}",
    operation: "replaceProgram",
    summary: "Has another program run in its place: each frame meets the one or the other, whole",
    params: attachmentParams,
    body: replaceBody,
    answer: "Attachment",
    refuses: ["ENOENT", "EINVAL"],
    handle: async ({ plane }, { params, body }) => attachmentJson(await plane.device.replace({ ...params, ...body })),
  }),
  route({
    method: "delete",
    path: "/v1/attachments/{attachment}",
    operation: "detachProgram",
    summary: "Detaches a program; once answered, it runs on no frame any more",
    params: attachmentParams,
    refuses: ["ENOENT"],
    handle: ({ plane }, { params }) => plane.device.detach(params),
  }),
];

const deviceQuery = listingQuery([]).extend({
  name: z.string().min(1).max(127).optional().describe("Only the device of this name, or those of a pattern: unit/*"),
});

interface Known {
  readonly mtu: number;
  readonly up: boolean;
}

/** What is known of devices beyond their names: of ports, and of units if there are some among them. */
async function knownDevices({ plane }: Service, names: readonly string[]): Promise<ReadonlyMap<string, Known>> {
  const known = new Map<string, Known>();
  for (const { name, mtu, up } of await plane.device.list()) known.set(name, { mtu, up });
  if (!names.some((name) => name.startsWith("unit/"))) return known;
  for (const { name, mtu } of await plane.unit.list()) known.set(`unit/${name}`, { mtu, up: true });
  return known;
}

/** Interfaces of the host that programs are attached to; they are no devices of the engine. */
const hostDevices = (attachments: readonly AttachmentState[]): string[] => [
  ...new Set(attachments.filter(({ mode }) => mode !== "user").map(({ device }) => device)),
];

async function showDevices(service: Service, query: Readonly<Record<string, unknown>>) {
  const { plane } = service;
  const limit = Number(query.limit);
  const after = query.after === undefined ? -1 : Number(query.after);
  const fits = typeof query.name === "string" ? deviceMatcher(query.name) : () => true;
  const attachments = await plane.device.attachments();
  const hooked = createHooked(attachments, await plane.program.list());
  const rows = (await plane.device.names())
    .filter(({ device, name }) => device > after && fits(name))
    .sort((a, b) => a.device - b.device);
  const shown = rows.slice(0, limit);
  const names = shown.map(({ name }) => name);
  const known = await knownDevices(service, names);
  const devices: DeviceJson[] = [];
  for (const { device, name } of shown) {
    const { mtu = null, up = null } = known.get(name) ?? {};
    devices.push({ device, name, mtu, up, programs: hooked(name) });
  }
  const more = rows.length > limit;
  if (!more) {
    const hosts = hostDevices(attachments).filter(fits);
    devices.push(...hosts.map((name) => ({ device: null, name, mtu: null, up: null, programs: hooked(name) })));
  }
  return { devices, next: more ? String(rows[limit - 1]!.device) : null };
}

const deviceRoutes = [
  route({
    method: "get",
    path: "/v1/devices",
    operation: "showDevices",
    summary: "Devices that programs can run on, and those that do",
    query: deviceQuery,
    answer: "Devices",
    handle: (service, { query }) => showDevices(service, query),
  }),
];

export const xdpRoutes = [...programRoutes, ...attachmentRoutes, ...deviceRoutes];
