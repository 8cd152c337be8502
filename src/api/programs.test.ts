/** Programs, attachments, devices and maps over the API, on an engine that runs inline. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FakeService, fakeService } from "../../test/fakes/api.js";
import { code, xdpObject } from "../../test/fakes/xdp-object.js";
import type { Dataplane } from "../dataplane/contract.js";
import { createVirtualNetwork, openDataplane } from "../dataplane/index.js";
import { createApp } from "./app.js";
import { schemas } from "./schemas.js";

const device = "virtual/192.0.2.1:1701";
const network = createVirtualNetwork({ seed: 1, delay: 1 });
let plane: Dataplane;
let service: FakeService;

beforeEach(async () => {
  plane = await openDataplane({ inline: { network }, capacity: { sessions: 256 } });
  await plane.port.open({ local: "192.0.2.1:1701" });
  service = fakeService(plane);
});
afterEach(async () => {
  service.events.close();
  await plane.close();
});

const ask = async (path: string, init?: RequestInit) => {
  const response = await createApp(service).request(path, init);
  const text = await response.text();
  return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
};
const send = (method: string, path: string, body: unknown = {}) =>
  ask(path, { method, body: JSON.stringify(body), headers: { "content-type": "application/json" } });

const load = (programs: Readonly<Record<string, Uint8Array>>, more: object = {}) =>
  send("POST", "/v1/programs", {
    object: Buffer.from(xdpObject(programs)).toString("base64"),
    file: "test.o",
    ...more,
  });

/** Handle of a program that gives a verdict. */
const loadOne = async (verdict = 2, name = "one"): Promise<number> => {
  const { body } = await load({ [name]: code.answer(verdict) });
  return schemas.Loaded.strict().parse(body).programs[0]!.program;
};

describe("programs", () => {
  test("are loaded, shown, dumped, pinned and unloaded", async () => {
    const { status, body } = await load({ drop: code.answer(1), pass: code.answer(2) }, { programs: ["pass"] });
    expect([status, body.programs.map(({ name }: { name: string }) => name), body.maps]).toEqual([200, ["pass"], []]);
    const { program } = body.programs[0];
    expect(schemas.Programs.strict().parse((await ask("/v1/programs")).body).programs).toHaveLength(1);
    expect((await ask(`/v1/programs/${program}`)).body).toMatchObject({ name: "pass", section: "xdp", pin: null });
    expect((await ask(`/v1/programs/${program}/dump`)).body.text).toMatch(/^pass:\n.*r0 = 2\n.*exit\n$/);
    expect((await send("PUT", `/v1/programs/${program}/pin`, { pin: "p" })).status).toBe(204);
    expect((await ask(`/v1/programs/${program}`, { method: "DELETE" })).status).toBe(204);
    expect((await ask(`/v1/programs/${program}`)).body.pin).toBe("p");
    expect((await send("PUT", `/v1/programs/${program}/pin`, { pin: null })).status).toBe(204);
    expect((await ask(`/v1/programs/${program}`)).body.error).toMatchObject({ code: "ENOENT" });
    expect((await send("PUT", "/v1/programs/statistics", { on: true })).status).toBe(204);
  });

  test("that the verifier refuses come back with its log, and nothing stays", async () => {
    const { status, body } = await load({ fine: code.answer(2), wild: code.wild });
    expect(status).toBe(422);
    const { error } = schemas.Failure.strict().parse(body);
    expect(error.code).toBe("EACCES");
    expect(error.message).toMatch(/^program wild/);
    expect(error.message).not.toContain("\n");
    expect(error.log?.split("\n").length).toBeGreaterThan(1);
    expect((await ask("/v1/programs")).body).toEqual({ programs: [] });
  });

  test.each([
    ["no ELF file", { object: "AAAA" }, 400, /test\.o/],
    ["no base64", { object: "ä" }, 400, /base64/],
    ["a program that it has not", { programs: ["nope"] }, 404, /has no program nope/],
    ["a variable that it has not", { globals: { rate: 1 } }, 400, /rate/],
    ["a map that it has not", { reuse: { m: 1 } }, 404, /no map m/],
    ["the size of a map that it has not", { maxEntries: { m: 1 } }, 400, /no map m/],
    ["a map of no entries", { maxEntries: { m: 0 } }, 400, /maxEntries/],
    ["a bad pin", { pin: "a/b" }, 400, /body\.pin/],
    ["what is not known", { colour: "red" }, 400, /colour/],
  ])("%s is refused", async (_what, more, status, message) => {
    const answer = await load({ one: code.answer(2) }, more);
    expect(answer.status).toBe(status);
    expect(answer.body.error.message).toMatch(message);
    expect((await ask("/v1/programs")).body).toEqual({ programs: [] });
  });

  test("objects may be long, other bodies not", async () => {
    const long = { object: "A".repeat(1 << 20), file: "test.o" };
    expect((await send("POST", "/v1/programs", long)).body.error.code).toBe("EINVAL");
    expect((await send("POST", "/v1/attachments", { device: "x".repeat(5000) })).status).toBe(413);
  });
});

describe("attachments", () => {
  test("are made, seen on their devices, replaced and taken away", async () => {
    const [first, second] = [await loadOne(2, "first"), await loadOne(1, "second")];
    const made = await send("POST", "/v1/attachments", { device, hook: "ingress", program: first });
    expect(schemas.Attachment.strict().parse(made.body)).toMatchObject({
      device,
      program: first,
      priority: 50,
      runOn: ["pass"],
      framing: null,
      mode: "user",
      devices: 1,
    });
    const { attachment } = made.body;
    const all = await send("POST", "/v1/attachments", {
      device: "virtual/*",
      hook: "ingress",
      program: second,
      priority: 1,
    });
    const { devices, next } = schemas.Devices.strict().parse((await ask("/v1/devices")).body);
    expect(next).toBeNull();
    expect(devices).toMatchObject([{ device: 1, name: device, mtu: expect.any(Number), up: true }]);
    expect(devices[0]?.programs.map(({ name }) => name)).toEqual(["second", "first"]);
    expect((await ask("/v1/devices?name=unit/*")).body.devices).toEqual([]);

    const replaced = await send("PUT", `/v1/attachments/${attachment}`, { program: second });
    expect(replaced.body).toMatchObject({ attachment, program: second });
    expect((await ask(`/v1/attachments/${all.body.attachment}`, { method: "DELETE" })).status).toBe(204);
    expect((await ask("/v1/attachments")).body.attachments).toHaveLength(1);
    expect((await ask(`/v1/attachments/${attachment}`, { method: "DELETE" })).status).toBe(204);
    expect((await ask(`/v1/attachments/${attachment}`, { method: "DELETE" })).status).toBe(404);
  });

  test.each([
    [{ device: "nope" }, 404, "ENODEV"],
    [{ device, program: 999 }, 404, "ENOENT"],
    [{ device, framing: "ethernet" }, 501, "EOPNOTSUPP"],
    [{ device, hook: "sideways" }, 400, "invalid"],
  ])("%o is refused", async (more, status, wanted) => {
    const program = await loadOne();
    const { status: got, body } = await send("POST", "/v1/attachments", { hook: "ingress", program, ...more });
    expect([got, body.error.code]).toEqual([status, wanted]);
  });
});

describe("maps", () => {
  const create = async (type: string, more: object = {}): Promise<number> => {
    const shape = { name: "m", type, keySize: 4, valueSize: 8, maxEntries: 16, ...more };
    const { body } = await send("POST", "/v1/maps", shape);
    return schemas.Map.strict().parse(body).map;
  };
  const on = (map: number, what: string, body?: object) => send("POST", `/v1/maps/${map}/${what}`, body);

  test("are made, pinned, listed and released", async () => {
    const map = await create("hash", { pin: "blocked" });
    expect((await ask("/v1/maps")).body.maps).toMatchObject([{ map, pin: "blocked", perCpu: false, btf: false }]);
    expect((await ask(`/v1/maps/${map}`, { method: "DELETE" })).status).toBe(204);
    expect((await ask(`/v1/maps/${map}`)).status).toBe(200);
    expect((await send("PUT", `/v1/maps/${map}/pin`, { pin: null })).status).toBe(204);
    expect((await ask(`/v1/maps/${map}`)).status).toBe(404);
    expect(
      (await send("POST", "/v1/maps", { name: "m", type: "tree", keySize: 4, valueSize: 4, maxEntries: 1 })).body,
    ).toMatchObject({ error: { code: "EINVAL", message: expect.stringContaining("unknown type tree") } });
  });

  test("hold what is put in, by bytes or by number", async () => {
    const map = await create("hash");
    expect((await on(map, "update", { key: "01000000", value: "0a00000000000000" })).status).toBe(204);
    expect((await on(map, "update", { formatted: { key: 2, value: "18446744073709551615" } })).body.error.code).toBe(
      "EINVAL",
    );
    expect((await on(map, "update", { formatted: { key: 2, value: 11 }, mode: "noexist" })).status).toBe(204);
    expect(await on(map, "update", { formatted: { key: 2, value: 12 }, mode: "noexist" })).toMatchObject({
      status: 409,
      body: { error: { code: "EEXIST", message: `map ${map} (m): there is one already (EEXIST)` } },
    });
    expect((await on(map, "lookup", { formatted: { key: 2 } })).body).toEqual({
      key: "02000000",
      value: "0b00000000000000",
    });
    expect((await on(map, "lookup", { key: "01000000", remove: true })).body.value).toBe("0a00000000000000");
    expect((await on(map, "lookup", { key: "01000000" })).body.error.code).toBe("ENOENT");
    expect((await on(map, "delete", { key: "02000000" })).status).toBe(204);
    expect((await on(map, "delete", { key: "02000000" })).status).toBe(404);
  });

  test.each([
    ["a short key", { key: "01", value: "0a00000000000000" }, /the key has 1 bytes where map m has 4/],
    ["half a byte", { key: "0100000", value: "0a00000000000000" }, /hexadecimal/],
    ["no key", { value: "0a00000000000000" }, /the key is missing/],
    ["no value", { key: "01000000" }, /the value is missing/],
    ["a number that does not fit", { formatted: { key: 2 ** 40, value: 1 } }, /does not fit into 4 bytes/],
    ["a fraction", { formatted: { key: 0.5, value: 1 } }, /no integer/],
    ["an object without types", { formatted: { key: { a: 1 }, value: 1 } }, /without BTF/],
  ])("%s is refused", async (_what, entry, message) => {
    const { status, body } = await on(await create("hash"), "update", entry);
    expect(status).toBe(400);
    expect(body.error.message).toMatch(message);
  });

  test("are dumped in parts that together are the whole", async () => {
    const map = await create("hash");
    const update = Array.from({ length: 10 }, (_, index) => ({ formatted: { key: index, value: index * index } }));
    expect((await on(map, "batch", { update })).body).toEqual({ updated: 10, deleted: 0 });
    const seen: string[] = [];
    let after = "";
    for (let parts = 0; parts < 10; parts++) {
      const { body } = await ask(`/v1/maps/${map}/entries?limit=3${after}`);
      seen.push(
        ...schemas.MapEntries.strict()
          .parse(body)
          .entries.map(({ key }) => key!),
      );
      if (body.next === null) break;
      after = `&after=${body.next}`;
    }
    expect(new Set(seen).size).toBe(10);
    expect(seen).toHaveLength(10);
    const gone = { delete: [{ formatted: { key: 3 } }, { formatted: { key: 4 } }, { formatted: { key: 99 } }] };
    expect((await on(map, "batch", gone)).body).toEqual({ updated: 0, deleted: 2 });
    expect((await on(map, "next")).body.key).toMatch(/^[\da-f]{8}$/);
  });

  test("of each CPU have a value for each", async () => {
    const map = await create("percpu_array");
    expect((await on(map, "update", { formatted: { key: 1, value: 7 } })).status).toBe(204);
    const { values } = schemas.MapEntry.strict().parse((await on(map, "lookup", { formatted: { key: 1 } })).body);
    expect(values?.length).toBeGreaterThan(0);
    expect(new Set(values)).toEqual(new Set(["0700000000000000"]));
    expect((await on(map, "update", { key: "00000000", values })).status).toBe(204);
    const more = [...(values ?? []), "0000000000000000"];
    expect((await on(map, "update", { key: "00000000", values: more })).body.error.message).toContain("CPUs");
  });

  test("that are queues are pushed to, looked at and popped", async () => {
    const map = await create("queue", { keySize: 0, valueSize: 4, maxEntries: 1 });
    expect((await on(map, "push", { formatted: { value: 5 } })).status).toBe(204);
    expect((await on(map, "push", { value: "06000000" })).body.error.code).toBe("E2BIG");
    expect((await on(map, "push", { value: "06000000", replace: true })).status).toBe(204);
    expect((await on(map, "lookup")).body).toEqual({ value: "06000000" });
    expect((await send("POST", `/v1/maps/${map}/pop`)).body).toEqual({ value: "06000000" });
    expect((await send("POST", `/v1/maps/${map}/pop`)).body.error.code).toBe("ENOENT");
    const hash = await create("hash");
    expect((await on(hash, "push", { value: "0600000000000000" })).status).toBe(501);
  });

  test("without records have none to read", async () => {
    const map = await create("hash");
    expect((await ask(`/v1/maps/${map}/records`)).body.error.code).toBe("EOPNOTSUPP");
    expect((await ask("/v1/maps/99/records")).status).toBe(404);
    expect((await ask("/v1/maps/x/records")).status).toBe(400);
  });
});

test("a reader of a trace gets the lines of programs until it goes", async () => {
  let listeners = 0;
  let say: Parameters<Dataplane["program"]["trace"]>[0] = () => {};
  const program: Dataplane["program"] = {
    ...plane.program,
    trace(listener) {
      say = listener;
      listeners += 1;
      return () => {
        listeners -= 1;
      };
    },
  };
  const own = fakeService({ ...plane, program });
  const response = await createApp(own).request("/v1/programs/trace");
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  expect(decoder.decode((await reader.read()).value)).toBe(": \n\n");
  say([{ program: "one", device: 3, time: 1_000_000, text: "hello\n\nevent: x" }]);
  expect(decoder.decode((await reader.read()).value)).toBe(
    `event: line\ndata: {"time":"1970-01-01T00:00:01.000Z","program":"one","device":3,"text":"hello\\n\\nevent: x"}\n\n`,
  );
  expect(listeners).toBe(1);
  // A slow reader misses lines, and is told how many.
  const long = "x".repeat(1 << 20);
  for (let line = 0; line < 8; line++) say([{ program: "one", device: 0, time: 0, text: long }]);
  let text = "";
  for (let part = 0; part < 4; part++) text += decoder.decode((await reader.read()).value);
  say([{ program: "one", device: 0, time: 0, text: "after" }]);
  text += decoder.decode((await reader.read()).value);
  text += decoder.decode((await reader.read()).value);
  expect(text).toMatch(/event: lost\ndata: \{"count":4\}\n\nevent: line\n.*after/s);
  await reader.cancel();
  expect(listeners).toBe(0);
  own.events.close();
});
