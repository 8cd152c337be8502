/** Programs on devices as tests: where they run, what their verdicts do, and what they may do to frames. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DataplaneEvent, Hook, ProgramTrace } from "../../src/dataplane/index.js";
import { hex, type Rig } from "./dataplane-contract.js";
import { createScene, hookObject, ppp4, type Scene, words } from "./hooks-scene.js";
import { ip, udp } from "./packets.js";

const outward = { from: "10.1.0.7", to: "198.51.100.9" };
const inward = { from: "198.51.100.9", to: "10.1.0.7" };
const filled = (length: number, value = 0x5a) => new Uint8Array(length).fill(value);
const packetOut = (tag = 1, length = 40) => udp(outward, [1, 2], filled(length, tag));
const packetIn = (tag = 1, length = 40) => udp(inward, [1, 2], filled(length, tag));
/** The same but for its last byte. */
const ending = (bytes: Uint8Array, value: number): string =>
  hex(bytes).slice(0, -2) + value.toString(16).padStart(2, "0");

/** A device in traffic: what is sent one way comes out at the other end. */
interface Place {
  readonly name: string;
  readonly device: string;
  readonly hook: Hook;
  /** Sends a frame that meets the hook, tagged in its last byte. */
  send(tag: number): void;
  /** The frames that came through, as their last bytes. */
  arrived(): number[];
  /** The frames that came back to where they were sent from. */
  returned(): number[];
}

const lastBytes = (frames: readonly string[]): number[] => frames.map((frame) => Number.parseInt(frame.slice(-2), 16));

const passOf = async (scene: Scene) => (await scene.load("verdict", "verdict", { answer: 2 })).program;

/** Every hook of every kind of device. */
const places: readonly (readonly [string, (scene: Scene) => Promise<Place>])[] = [
  ...(["ingress", "egress"] as const).flatMap((hook) => [
    [
      `${hook} of a bridged channel`,
      async (scene: Scene): Promise<Place> => {
        const [west, east] = await scene.bridged();
        return {
          name: "bridged",
          device: hook === "ingress" ? west.device : east.device,
          hook,
          send: (tag) => west.send(ppp4(packetOut(tag))),
          arrived: () => lastBytes(east.received()),
          returned: () => lastBytes(west.received()),
        };
      },
    ] as const,
    [
      `${hook} of the UDP port`,
      async (scene: Scene): Promise<Place> => {
        const [west, east] = await scene.bridged();
        const port = await scene.plane.device.get(scene.rig.port);
        return {
          name: "port",
          device: port.name,
          hook,
          send: (tag) => west.send(ppp4(packetOut(tag))),
          arrived: () => lastBytes(east.received()),
          returned: () => lastBytes(west.received()),
        };
      },
    ] as const,
  ]),
  [
    "ingress of a terminated channel",
    async (scene) => {
      const one = await scene.subscriber("10.1.0.7/32");
      return {
        name: "terminated",
        device: one.device,
        hook: "ingress",
        send: (tag) => one.send(ppp4(packetOut(tag))),
        arrived: () => lastBytes(scene.toHost()),
        returned: () => lastBytes(one.received()),
      };
    },
  ],
  [
    "egress of a terminated channel",
    async (scene) => {
      const one = await scene.subscriber("10.1.0.7/32");
      return {
        name: "terminated",
        device: one.device,
        hook: "egress",
        send: (tag) => scene.fromHost(packetIn(tag)),
        arrived: () => lastBytes(one.received()),
        returned: () => lastBytes(scene.toHost()),
      };
    },
  ],
  [
    "ingress of a unit",
    async (scene) => {
      const one = await scene.subscriber("10.1.0.7/32");
      return {
        name: "unit",
        device: one.unitDevice,
        hook: "ingress",
        send: (tag) => one.send(ppp4(packetOut(tag))),
        arrived: () => lastBytes(scene.toHost()),
        returned: () => lastBytes(one.received()),
      };
    },
  ],
  [
    "egress of a unit",
    async (scene) => {
      const one = await scene.subscriber("10.1.0.7/32");
      return {
        name: "unit",
        device: one.unitDevice,
        hook: "egress",
        send: (tag) => scene.fromHost(packetIn(tag)),
        arrived: () => lastBytes(one.received()),
        returned: () => lastBytes(scene.toHost()),
      };
    },
  ],
  [
    "ingress of a TUN port",
    async (scene) => {
      const one = await scene.subscriber("10.1.0.7/32");
      return {
        name: "tun",
        device: "tun/tun-test",
        hook: "ingress",
        send: (tag) => scene.fromHost(packetIn(tag)),
        arrived: () => lastBytes(one.received()),
        returned: () => lastBytes(scene.toHost()),
      };
    },
  ],
  [
    "egress of a TUN port",
    async (scene) => {
      const one = await scene.subscriber("10.1.0.7/32");
      return {
        name: "tun",
        device: "tun/tun-test",
        hook: "egress",
        send: (tag) => one.send(ppp4(packetOut(tag))),
        arrived: () => lastBytes(scene.toHost()),
        returned: () => lastBytes(one.received()),
      };
    },
  ],
];

export function hooksSuite(name: string, open: () => Promise<Rig>): void {
  describe(`programs on devices: ${name}`, () => {
    let rig: Rig;
    let scene: Scene;
    let events: DataplaneEvent[];
    let lines: ProgramTrace[];

    beforeEach(async () => {
      rig = await open();
      scene = await createScene(rig);
      events = [];
      lines = [];
      rig.plane.program.trace((more) => lines.push(...more));
      void (async () => {
        for await (const event of rig.plane.events()) events.push(event);
      })();
    });
    afterEach(() => rig.close());

    const others = (): Record<string, number> => {
      const { "trace-overflow": _, ...rest } = rig.plane.drops();
      return rest;
    };

    describe.each(places)("on %s", (_, make) => {
      let place: Place;
      beforeEach(async () => {
        place = await make(scene);
      });
      const attach = async (program: number) => scene.attach({ device: place.device, hook: place.hook, program });

      it("PASS lets frames through as they are, and again when it is detached", async () => {
        const { program } = await scene.load("verdict", "verdict", { answer: 2 });
        const { attachment } = await attach(program.program);
        for (const tag of [1, 2, 3]) place.send(tag);
        await rig.until(() => place.arrived().length === 3);
        expect(place.arrived()).toEqual([1, 2, 3]);
        expect(await scene.counters(program)).toMatchObject({ runs: 3, pass: 3, drop: 0, aborted: 0 });
        await rig.plane.device.detach({ attachment });
        place.send(4);
        await rig.until(() => place.arrived().length === 4);
        expect((await scene.counters(program)).runs).toBe(3);
        expect(rig.plane.drops()).toEqual({});
      });

      const refusals = [
        ["DROP", 1, "xdp-drop", "drop"],
        ["ABORTED", 0, "xdp-aborted", "aborted"],
        ["what is no verdict", 17, "xdp-unknown", "unknown"],
      ] as const;
      it.each(refusals)("%s ends them, counted", async (_, answer, reason, counter) => {
        const { program } = await scene.load("verdict", "verdict", { answer });
        const { attachment } = await attach(program.program);
        for (const tag of [1, 2]) place.send(tag);
        await rig.until(() => rig.plane.drops()[reason] === 2);
        await rig.plane.device.detach({ attachment });
        place.send(3);
        await rig.until(() => place.arrived().length === 1);
        expect(place.arrived()).toEqual([3]);
        expect(place.returned()).toEqual([]);
        expect(others()).toEqual({ [reason]: 2 });
        expect(await scene.counters(program)).toMatchObject({ runs: 2, [counter]: 2, pass: 0 });
        await rig.until(() => lines.length === (answer === 1 ? 0 : 2));
      });

      it("TX sends them back, or is refused where they leave", async () => {
        const { program } = await scene.load("verdict", "verdict", { answer: 3 });
        await attach(program.program);
        place.send(1);
        place.send(2);
        if (place.hook === "egress") await rig.until(() => rig.plane.drops()["xdp-unknown"] === 2);
        else await rig.until(() => place.returned().length === 2);
        expect(place.returned()).toEqual(place.hook === "egress" ? [] : [1, 2]);
        expect(place.arrived()).toEqual([]);
        expect(await scene.counters(program)).toMatchObject({ runs: 2, tx: 2 });
      });

      it("rewrites them in place, and only those it wants to", async () => {
        const { program } = await scene.load("edit", "stamp", { only: 7, mark: 99 });
        await attach(program.program);
        for (const tag of [1, 7, 2, 7, 7, 3]) place.send(tag);
        await rig.until(() => place.arrived().length === 6);
        expect(place.arrived()).toEqual([1, 99, 2, 99, 99, 3]);
        expect(rig.plane.drops()).toEqual({});
      });

      it("several run in order of priority, then of attachment, as long as they agree", async () => {
        const zero = await scene.load("edit", "twice", { mark: 0 });
        const one = await scene.load("edit", "twice", { mark: 1 });
        const drop = await scene.load("verdict", "verdict", { answer: 1 });
        const on = (loaded: typeof zero, priority: number, runOn?: readonly ("pass" | "drop")[]) =>
          scene.attach({
            device: place.device,
            hook: place.hook,
            program: loaded.program.program,
            priority,
            ...(runOn === undefined ? {} : { runOn: [...runOn] }),
          });
        await on(one, 20);
        await on(zero, 10);
        await on(zero, 20);
        await on(one, 20);
        place.send(1);
        await rig.until(() => place.arrived().length === 1);
        // 1 → 10 → 101 → 1010 → 10101
        expect(place.arrived()).toEqual([0b10101]);
        // One that drops, after which the next one runs all the same, and its verdict counts.
        const { attachment } = await on(drop, 5, ["pass", "drop"]);
        place.send(2);
        await rig.until(() => place.arrived().length === 2);
        expect(place.arrived()[1]).toBe(0b100101);
        await rig.plane.device.detach({ attachment });
        await on(drop, 15);
        place.send(3);
        await rig.until(() => rig.plane.drops()["xdp-drop"] === 1);
        expect(await scene.counters(zero.program)).toMatchObject({ runs: 5 });
        expect(await scene.counters(one.program)).toMatchObject({ runs: 4 });
      });

      it("may be replaced by another", async () => {
        const first = await scene.load("edit", "stamp", { mark: 11 });
        const second = await scene.load("edit", "stamp", { mark: 22 });
        const { attachment } = await attach(first.program.program);
        place.send(1);
        await rig.until(() => place.arrived().length === 1);
        const replaced = await rig.plane.device.replace({ attachment, program: second.program.program });
        expect(replaced).toMatchObject({ attachment, program: second.program.program, devices: 1 });
        place.send(1);
        await rig.until(() => place.arrived().length === 2);
        expect(place.arrived()).toEqual([11, 22]);
      });

      it("leaves notes for the next one in the metadata", async () => {
        const writer = await scene.load("edit", "leave_note", { mark: 55 });
        const reader = await scene.load("edit", "read_note");
        await scene.attach({ device: place.device, hook: place.hook, program: writer.program.program, priority: 1 });
        await scene.attach({ device: place.device, hook: place.hook, program: reader.program.program, priority: 2 });
        for (const tag of [1, 2, 3]) place.send(tag);
        await rig.until(() => place.arrived().length === 3);
        expect(place.arrived()).toEqual([55, 55, 55]);
        expect(rig.plane.drops()).toEqual({});
      });
    });

    describe("an edge of the frame that moves", () => {
      /** Where frames leave, what is sent, what the other end gets of it, and what programs skip. */
      const ways: readonly (readonly [
        string,
        number,
        () => Promise<{ device: string; send(): void; got(): string[] }>,
      ])[] = [
        [
          "a channel",
          0,
          async () => {
            const [west, east] = await scene.bridged();
            return { device: east.device, send: () => west.send(ppp4(packetOut())), got: () => east.received() };
          },
        ],
        [
          "a channel whose header has all fields",
          0,
          async () => {
            const [west, east] = await scene.bridged({}, { lengthField: true, offset: 7 });
            const got = () => east.peer.received.map((message) => message.slice(2 * (10 + 7)));
            return { device: east.device, send: () => west.send(ppp4(packetOut())), got };
          },
        ],
        [
          "a unit",
          14,
          async () => {
            const one = await scene.subscriber("10.1.0.7/32");
            const got = () => one.received().map((frame) => frame.slice(8));
            return { device: one.unitDevice, send: () => scene.fromHost(packetIn()), got };
          },
        ],
        [
          "a TUN port",
          14,
          async () => {
            const one = await scene.subscriber("10.1.0.7/32");
            return { device: "tun/tun-test", send: () => one.send(ppp4(packetOut())), got: () => scene.toHost() };
          },
        ],
      ];
      it.each(ways)("makes it longer or shorter at either end on %s", async (_, skip, make) => {
        const { device, send, got } = await make();
        send();
        await rig.until(() => got().length === 1);
        const [plain] = got();
        const edits: [string, Record<string, unknown>, string][] = [
          ["longer", {}, `77777777${plain}`],
          ["shorter", {}, plain!.slice(8)],
          ["tail", { change: 4 }, `${plain}00000000`],
          ["tail", { change: -3 }, plain!.slice(0, -6)],
          ["tail", { change: 700 }, plain + "00".repeat(700)],
        ];
        for (const [index, [program, globals, expected]] of edits.entries()) {
          const loaded = await scene.load("edit", program, { skip, ...globals });
          const hook = "egress";
          const { attachment } = await scene.attach({ device, hook, program: loaded.program.program });
          send();
          await rig.until(() => got().length === index + 2);
          expect(got().at(-1)).toBe(expected);
          await rig.plane.device.detach({ attachment });
        }
        expect(rig.plane.drops()).toEqual({});
      });

      it("of a datagram makes it longer, before it is looked at and when it leaves", async () => {
        const [west, east] = await scene.bridged();
        const { name: device } = await rig.plane.device.get(rig.port);
        const longer = (await scene.load("edit", "longer")).program.program;
        const shorter = (await scene.load("edit", "shorter")).program.program;
        await scene.attach({ device, hook: "ingress", program: longer, priority: 1 });
        await scene.attach({ device, hook: "ingress", program: shorter, priority: 2 });
        const { attachment } = await scene.attach({ device, hook: "egress", program: longer });
        west.send(ppp4(packetOut()));
        await rig.until(() => east.peer.received.length === 1);
        expect(east.peer.received[0]!.slice(0, 12)).toBe("777777770002");
        expect(east.peer.received[0]!.slice(20)).toBe(hex(ppp4(packetOut())));
        await rig.plane.device.detach({ attachment });
        west.send(ppp4(packetOut()));
        await rig.until(() => east.peer.received.length === 2);
        expect(east.received()[1]).toBe(hex(ppp4(packetOut())));
      });

      it("does no harm to the frames around it", async () => {
        const [west, east] = await scene.bridged();
        const { program } = await scene.load("edit", "longer", { only: 7, skip: 14 });
        const attached = { framing: "ethernet", program: program.program } as const;
        await scene.attach({ device: west.device, hook: "ingress", ...attached });
        await scene.attach({ device: east.device, hook: "egress", ...attached });
        const tags = Array.from({ length: 60 }, (_, index) => (index % 5 === 2 ? 7 : 100 + index));
        for (const tag of tags) west.send(ppp4(packetOut(tag)));
        await rig.until(() => east.received().length === tags.length);
        expect(east.received()).toEqual(
          tags.map((tag) => {
            const packet = hex(packetOut(tag));
            return tag === 7 ? `ff03002177777777${"77777777"}${packet}` : `ff030021${packet}`;
          }),
        );
      });

      it("that grows a packet beyond its unit's MTU ends it", async () => {
        const one = await scene.subscriber("10.1.0.7/32", { mtu: 70 });
        const { program } = await scene.load("edit", "longer", { skip: 14 });
        await scene.attach({ device: one.unitDevice, hook: "egress", program: program.program });
        scene.fromHost(packetIn(1, 40));
        await rig.until(() => rig.plane.drops()["packet-too-big"] === 1);
        expect(one.received()).toEqual([]);
      });
    });

    describe("framing", () => {
      it("is what was asked for, with a header that tells the device", async () => {
        const one = await scene.subscriber("10.1.0.7/32");
        const length = async (device: string, framing: "native" | "ethernet" | undefined, hook: Hook) => {
          const { program, maps } = await scene.load("facts", "tell");
          const seen: number[] = [];
          rig.plane.map.consume({ map: maps.facts! }, (record) =>
            seen.push(new DataView(record.buffer, record.byteOffset).getUint32(0, true)),
          );
          const { attachment } = await scene.attach({
            device,
            hook,
            program: program.program,
            ...(framing === undefined ? {} : { framing }),
          });
          if (hook === "ingress") one.send(ppp4(packetOut()));
          else scene.fromHost(packetIn());
          await rig.until(() => seen.length === 1);
          await rig.plane.device.detach({ attachment });
          return seen[0];
        };
        const packet = packetOut().length;
        for (const hook of ["ingress", "egress"] as const) {
          expect(await length(one.device, undefined, hook)).toBe(packet + 4);
          expect(await length(one.device, "ethernet", hook)).toBe(packet + 14);
          expect(await length(one.unitDevice, undefined, hook)).toBe(packet + 14);
          expect(await length(one.unitDevice, "native", hook)).toBe(packet);
        }
      });

      it("is the same for all programs of a hook, and a UDP port has no Ethernet", async () => {
        const program = (await passOf(scene)).program;
        const one = await scene.subscriber("10.1.0.7/32");
        await scene.attach({ device: one.device, hook: "ingress", program });
        await expect(
          scene.attach({ device: one.device, hook: "ingress", program, framing: "ethernet" }),
        ).rejects.toMatchObject({ code: "EINVAL" });
        await scene.attach({ device: one.device, hook: "egress", program, framing: "ethernet" });
        const { name: device } = await rig.plane.device.get(rig.port);
        await expect(scene.attach({ device, hook: "ingress", program, framing: "ethernet" })).rejects.toMatchObject({
          code: "EOPNOTSUPP",
        });
      });
    });

    describe("redirects", () => {
      const to = (device: number) => ({ device });

      it("go from any kind of device to any other", async () => {
        const [west, east] = await scene.bridged();
        const third = await scene.leg();
        const one = await scene.subscriber("10.1.0.7/32");
        const two = await scene.subscriber("10.1.0.8/32");
        const numbers = Object.fromEntries(
          await Promise.all(
            [third.device, two.unitDevice, "tun/tun-test"].map(
              async (name) => [name, await scene.number(name)] as const,
            ),
          ),
        );
        const frame = ppp4(packetOut(9));
        const sources: readonly (readonly [string, Hook, () => void, string])[] = [
          [west.device, "ingress", () => west.send(frame), hex(frame)],
          [east.device, "egress", () => west.send(frame), hex(frame)],
          [one.unitDevice, "ingress", () => one.send(frame), hex(frame)],
          [one.unitDevice, "egress", () => scene.fromHost(packetIn(9)), hex(ppp4(packetIn(9)))],
          ["tun/tun-test", "ingress", () => scene.fromHost(packetIn(9)), hex(ppp4(packetIn(9)))],
        ];
        for (const [device, hook, send, expected] of sources) {
          for (const [target, got] of [
            [third.device, () => third.received()],
            [two.unitDevice, () => two.received()],
            ["tun/tun-test", () => scene.toHost().map((packet) => `ff030021${packet}`)],
          ] as const) {
            const { program } = await scene.load("redirect", "to_device", to(numbers[target]!));
            const { attachment } = await scene.attach({ device, hook, program: program.program });
            const before = got().length;
            send();
            await rig.until(() => got().length === before + 1);
            expect(got().at(-1)).toBe(expected);
            expect(await scene.counters(program)).toMatchObject({ runs: 1, redirect: 1 });
            await rig.plane.device.detach({ attachment });
          }
        }
        expect(east.received()).toEqual([]);
        expect(one.received()).toEqual([]);
        expect(rig.plane.drops()).toEqual({});
        expect((await rig.plane.session.get(third)).counters).toMatchObject({ txPackets: sources.length });
      });

      it("to where there is nothing end there, counted", async () => {
        const [west] = await scene.bridged();
        for (const device of [0, 1, 60, 100_000_000, 0xffff_ffff]) {
          const { program } = await scene.load("redirect", "to_device", to(device));
          const { attachment } = await scene.attach({ device: west.device, hook: "ingress", program: program.program });
          const before = rig.plane.drops()["xdp-redirect"] ?? 0;
          west.send(ppp4(packetOut()));
          await rig.until(() => rig.plane.drops()["xdp-redirect"] === before + 1);
          await rig.plane.device.detach({ attachment });
        }
        expect(Object.keys(rig.plane.drops())).toEqual(["xdp-redirect"]);
      });

      it("in a circle end", async () => {
        const one = await scene.subscriber("10.1.0.7/32");
        const two = await scene.subscriber("10.1.0.8/32");
        const forth = await scene.load("redirect", "to_device", to(await scene.number(two.unitDevice)));
        const back = await scene.load("redirect", "to_device", to(await scene.number(one.unitDevice)));
        await scene.attach({ device: one.unitDevice, hook: "egress", program: forth.program.program });
        await scene.attach({ device: two.unitDevice, hook: "egress", program: back.program.program });
        scene.fromHost(packetIn());
        await rig.until(() => rig.plane.drops()["xdp-redirect"] === 1);
        expect([...one.received(), ...two.received()]).toEqual([]);
      });

      it("by device map run the entry's program, and a miss is what the flags say", async () => {
        const [west, east] = await scene.bridged();
        const third = await scene.leg();
        const number = await scene.number(third.device);
        const { program, maps } = await scene.load("redirect", "by_devmap", { key: 3, flags: 2n });
        const entry = await scene.load("redirect", "on_device", { mark: 0 });
        const { attachment } = await scene.attach({ device: west.device, hook: "ingress", program: program.program });
        west.send(ppp4(packetOut(1)));
        await rig.until(() => east.received().length === 1);
        const map = maps.devices!;
        await rig.plane.map.update({ map, key: words(3), value: words(number, 0) });
        west.send(ppp4(packetOut(2)));
        await rig.until(() => third.received().length === 1);
        expect(third.received()).toEqual([hex(ppp4(packetOut(2)))]);
        await rig.plane.map.update({ map, key: words(3), value: words(number, entry.program.program) });
        west.send(ppp4(packetOut(3)));
        await rig.until(() => third.received().length === 2);
        expect(third.received()[1]).toBe(ending(ppp4(packetOut(3)), number & 0xff));
        // A program of a device map may drop what leaves by it.
        const drop = await scene.load("verdict", "on_device", { answer: 1 });
        await rig.plane.map.update({ map, key: words(3), value: words(number, drop.program.program) });
        west.send(ppp4(packetOut(4)));
        await rig.until(() => rig.plane.drops()["xdp-drop"] === 1);
        await rig.plane.map.delete({ map, key: words(3) });
        west.send(ppp4(packetOut(5)));
        await rig.until(() => east.received().length === 2);
        await rig.plane.device.detach({ attachment });
        expect(await scene.counters(program)).toMatchObject({ runs: 5, pass: 2, redirect: 3 });
        expect(await scene.counters(entry.program)).toMatchObject({ runs: 1, pass: 1 });
        expect(await scene.counters(drop.program)).toMatchObject({ runs: 1, drop: 1 });
      });

      it("by device map take programs of their section and devices that there are", async () => {
        const third = await scene.leg();
        const number = await scene.number(third.device);
        const { maps } = await scene.load("redirect", "by_devmap");
        const pass = await passOf(scene);
        const put = (device: number, program: number) =>
          rig.plane.map.update({ map: maps.devices!, key: words(0), value: words(device, program) });
        await expect(put(number, pass.program)).rejects.toMatchObject({ code: "EINVAL" });
        await expect(put(number, 9999)).rejects.toMatchObject({ code: "ENOENT" });
        await expect(put(number + 1, 0)).rejects.toMatchObject({ code: "EINVAL" });
        await expect(
          scene.attach({
            device: third.device,
            hook: "ingress",
            program: (await scene.load("verdict", "on_device")).program.program,
          }),
        ).rejects.toMatchObject({ code: "EINVAL" });
        await put(number, 0);
      });

      it("by device map do not reach a device that came after the one they were meant for", async () => {
        const [west, east] = await scene.bridged();
        const third = await scene.leg();
        const number = await scene.number(third.device);
        const { program, maps } = await scene.load("redirect", "by_hash", { key: 77, flags: 2n });
        await rig.plane.map.update({ map: maps.hashed!, key: words(77), value: words(number, 0) });
        await scene.attach({ device: west.device, hook: "ingress", program: program.program });
        west.send(ppp4(packetOut(1)));
        await rig.until(() => third.received().length === 1);
        await rig.plane.session.delete(third);
        const fourth = await scene.leg();
        expect(await scene.number(fourth.device)).toBe(number);
        west.send(ppp4(packetOut(2)));
        await rig.until(() => east.received().length === 1);
        expect(fourth.received()).toEqual([]);
        await expect(rig.plane.map.lookup({ map: maps.hashed!, key: words(77) })).rejects.toMatchObject({
          code: "ENOENT",
        });
      });

      it("to all devices of a map make copies, each for itself", async () => {
        const legs = [await scene.leg(), await scene.leg(), await scene.leg(), await scene.leg()] as const;
        const unit = await scene.subscriber("10.1.0.7/32");
        const numbers = await Promise.all([...legs.map(({ device }) => device), unit.unitDevice].map(scene.number));
        const mark = await scene.load("redirect", "on_device", { mark: 0 });
        // Broadcast, and not to where it came from.
        const { program, maps } = await scene.load("redirect", "by_hash", { flags: 24n });
        for (const number of numbers) {
          const value = words(number, number === numbers[1] ? 0 : mark.program.program);
          await rig.plane.map.update({ map: maps.hashed!, key: words(number), value });
        }
        await scene.attach({ device: legs[0].device, hook: "ingress", program: program.program });
        const frame = ppp4(packetOut(1));
        legs[0].send(frame);
        await rig.until(() => [...legs.slice(1), unit].every((each) => each.received().length === 1));
        const marked = (index: number) => [ending(frame, numbers[index]! & 0xff)];
        expect(legs.map((each) => each.received())).toEqual([[], [hex(frame)], marked(2), marked(3)]);
        expect(unit.received()).toEqual(marked(4));
        expect(rig.plane.drops()).toEqual({});
      });

      it("to a socket map reach whoever reads it", async () => {
        const [west, east] = await scene.bridged();
        const { program, maps } = await scene.load("redirect", "to_socket", { key: 1, flags: 2n });
        await scene.attach({ device: west.device, hook: "ingress", program: program.program });
        west.send(ppp4(packetOut(1)));
        await rig.until(() => east.received().length === 1);
        const got: string[] = [];
        const end = rig.plane.map.consume({ map: maps.sockets! }, (frame) => got.push(hex(frame)));
        await rig.plane.map.update({ map: maps.sockets!, key: words(1), value: words(1) });
        for (const tag of [2, 3]) west.send(ppp4(packetOut(tag)));
        await rig.until(() => got.length === 2);
        expect(got).toEqual([2, 3].map((tag) => hex(ppp4(packetOut(tag)))));
        end();
        expect(east.received()).toHaveLength(1);
      });
    });

    describe("redirects to another thread", () => {
      const cpus = () => Math.max(1, rig.plane.capabilities().workers);

      it.each(places.filter(([where]) => where.startsWith("ingress")))(
        "go on there as if nothing had been, on %s",
        async (_, make) => {
          const place = await make(scene);
          for (let cpu = 0; cpu < cpus(); cpu++) {
            const { program, maps } = await scene.load("redirect", "to_cpu", { key: cpu, flags: 0n });
            const entry = await scene.load("redirect", "on_cpu", { mark: 100 });
            const { attachment } = await scene.attach({
              device: place.device,
              hook: "ingress",
              program: program.program,
            });
            await rig.plane.map.update({ map: maps.cpus!, key: words(cpu), value: words(64, 0) });
            const before = place.arrived().length;
            for (const tag of [1, 2, 3]) place.send(tag);
            await rig.until(() => place.arrived().length === before + 3);
            await rig.plane.map.update({ map: maps.cpus!, key: words(cpu), value: words(64, entry.program.program) });
            for (const tag of [4, 5]) place.send(tag);
            await rig.until(() => place.arrived().length === before + 5);
            expect(place.arrived().slice(before)).toEqual([1, 2, 3, 100 + cpu, 100 + cpu]);
            await rig.plane.device.detach({ attachment });
          }
          expect(place.returned()).toEqual([]);
          expect(rig.plane.drops()).toEqual({});
        },
      );

      it("count each frame once", async () => {
        const [west, east] = await scene.bridged();
        const one = await scene.subscriber("10.1.0.7/32");
        const { program, maps } = await scene.load("redirect", "to_cpu", { key: cpus() - 1 });
        await rig.plane.map.update({ map: maps.cpus!, key: words(cpus() - 1), value: words(64, 0) });
        for (const device of [west.device, one.unitDevice]) {
          await scene.attach({ device, hook: "ingress", program: program.program });
        }
        for (const tag of [1, 2]) west.send(ppp4(packetOut(tag)));
        one.send(ppp4(packetOut(3)));
        await rig.until(() => east.received().length === 2 && scene.toHost().length === 1);
        await rig.settle();
        expect((await rig.plane.session.get(west)).counters).toMatchObject({ rxPackets: 2 });
        expect((await rig.plane.session.get(east)).counters).toMatchObject({ txPackets: 2 });
        expect((await rig.plane.unit.get(one)).counters).toMatchObject({ rxPackets: 1, rxDropped: 0 });
      });

      it("may go to a device from there; to a thread that there is not, or from where frames leave, they end", async () => {
        const [west, east] = await scene.bridged();
        const third = await scene.leg();
        const { program, maps } = await scene.load("redirect", "to_cpu", { key: 0 });
        const onward = await scene.load("redirect", "on_cpu_to_device", { device: await scene.number(third.device) });
        await rig.plane.map.update({ map: maps.cpus!, key: words(0), value: words(64, onward.program.program) });
        const { attachment } = await scene.attach({ device: west.device, hook: "ingress", program: program.program });
        west.send(ppp4(packetOut(1)));
        await rig.until(() => third.received().length === 1);
        await rig.plane.device.detach({ attachment });
        await scene.attach({ device: east.device, hook: "egress", program: program.program });
        west.send(ppp4(packetOut(2)));
        await rig.until(() => rig.plane.drops()["xdp-redirect"] === 1);
        expect(east.received()).toEqual([]);
      });
    });

    describe("devices and their programs", () => {
      it("a pattern is for those that there are and those to come", async () => {
        const first = await scene.subscriber("10.1.0.7/32");
        const drop = (await scene.load("verdict", "verdict", { answer: 1 })).program.program;
        const units = await scene.attach({ device: "unit/*", hook: "egress", program: drop });
        const channels = await scene.attach({ device: "channel/*", hook: "ingress", program: drop });
        expect(units.devices).toBe(1);
        const second = await scene.subscriber("10.1.0.8/32");
        const dropped = () => rig.plane.drops()["xdp-drop"] ?? 0;
        scene.fromHost(packetIn());
        scene.fromHost(udp({ ...inward, to: "10.1.0.8" }, [1, 2], filled(4)));
        await rig.until(() => dropped() === 2);
        first.send(ppp4(packetOut()));
        second.send(ppp4(udp({ ...outward, from: "10.1.0.8" }, [1, 2], filled(4))));
        await rig.until(() => dropped() === 4);
        expect((await rig.plane.device.attachments()).map(({ devices }) => devices)).toEqual([2, 2]);
        await rig.plane.device.detach(units);
        await rig.plane.device.detach(channels);
        scene.fromHost(packetIn());
        second.send(ppp4(udp({ ...outward, from: "10.1.0.8" }, [1, 2], filled(4))));
        await rig.until(() => first.received().length === 1 && scene.toHost().length === 1);
        expect(await rig.plane.device.attachments()).toEqual([]);
      });

      it("what is attached to a device by name goes with it, and the program when nothing else wants it", async () => {
        const one = await scene.subscriber("10.1.0.7/32");
        const { program } = await scene.load("verdict", "verdict", { answer: 2 });
        const { attachment } = await scene.attach({ device: one.unitDevice, hook: "egress", program: program.program });
        await scene.attach({ device: one.device, hook: "ingress", program: program.program });
        await rig.plane.program.unload(program);
        scene.fromHost(packetIn());
        await rig.until(() => one.received().length === 1);
        await rig.plane.unit.delete(one);
        await rig.until(async () => (await rig.plane.device.attachments()).length === 1);
        await rig.plane.program.get(program);
        await rig.plane.session.delete(one);
        await rig.until(async () => (await rig.plane.program.list()).length === 0);
        await rig.until(async () => (await rig.plane.map.list()).length === 0);
        expect(events.filter(({ type }) => type.startsWith("program-"))).toEqual([
          { type: "program-loaded", program: program.program },
          { type: "program-attached", attachment },
          { type: "program-attached", attachment: attachment + 1 },
          { type: "program-detached", attachment, reason: "deleted" },
          { type: "program-detached", attachment: attachment + 1, reason: "deleted" },
          { type: "program-unloaded", program: program.program, reason: "deleted" },
        ]);
        await expect(rig.plane.device.detach({ attachment })).rejects.toMatchObject({ code: "ENOENT" });
      });

      it("refusals say why", async () => {
        const { program } = await passOf(scene);
        const one = await scene.leg();
        const attach = (device: string, handle: number) => scene.attach({ device, hook: "ingress", program: handle });
        await expect(attach("unit/none", program)).rejects.toMatchObject({ code: "ENODEV" });
        await expect(attach(one.device, 999)).rejects.toMatchObject({ code: "ENOENT" });
        const { attachment } = await attach(one.device, program);
        for (let count = 1; count < 16; count++) await attach(one.device, program);
        await expect(attach(one.device, program)).rejects.toMatchObject({ code: "E2BIG" });
        await expect(rig.plane.device.replace({ attachment, program: 999 })).rejects.toMatchObject({ code: "ENOENT" });
        await expect(rig.plane.device.replace({ attachment: 999, program })).rejects.toMatchObject({ code: "ENOENT" });
        await expect(rig.plane.program.unload({ program: 999 })).rejects.toMatchObject({ code: "ENOENT" });
        await expect(
          rig.plane.program.load({ object: hookObject("verdict"), programs: ["none"] }),
        ).rejects.toMatchObject({ code: "ENOENT" });
        await expect(rig.plane.program.load({ object: filled(100) })).rejects.toMatchObject({ code: /E[A-Z]+/ });
        // What was attached runs on.
        one.send(ppp4(packetOut()));
        await rig.until(() => scene.punts.length === 1);
      });

      it("programs and maps stay under their names, and maps are shared by reuse", async () => {
        const [west] = await scene.bridged();
        const loaded = await rig.plane.program.load({ object: hookObject("facts"), programs: ["tell"], pin: "kept" });
        const { program } = loaded.programs[0]!;
        const { map } = loaded.maps.find(({ name }) => name === "facts")!;
        await rig.plane.program.unload({ program });
        expect(await rig.plane.program.get({ program })).toMatchObject({ pin: "kept" });
        await rig.plane.map.pin({ map, pin: "records" });
        await expect(
          rig.plane.map.pin({
            map: (await rig.plane.map.create({ name: "x", type: "array", keySize: 4, valueSize: 4, maxEntries: 1 }))
              .map,
            pin: "records",
          }),
        ).rejects.toMatchObject({ code: "EEXIST" });
        const other = await scene.load("facts", "tell", {}, { facts: map });
        expect(other.program.maps).toContain(map);
        const seen: Uint8Array[] = [];
        const end = rig.plane.map.consume({ map }, (record) => seen.push(record.slice()));
        await scene.attach({ device: west.device, hook: "ingress", program });
        await scene.attach({ device: west.device, hook: "ingress", program: other.program.program });
        west.send(ppp4(packetOut()));
        await rig.until(() => seen.length === 2);
        end();
        await rig.plane.session.delete(west);
        await rig.plane.program.pin({ program, pin: null });
        await rig.plane.program.unload(other.program);
        await rig.until(async () => (await rig.plane.program.list()).length === 0);
        expect((await rig.plane.map.list()).map(({ name, pin }) => [name, pin])).toContainEqual(["facts", "records"]);
        await rig.plane.map.pin({ map, pin: null });
        await rig.until(async () => (await rig.plane.map.list()).every(({ name }) => name !== "facts"));
      });

      it("are told whose a frame is, and the way to a destination", async () => {
        const one = await scene.subscriber("10.1.0.7/32", { mtu: 1400 });
        await rig.plane.device.tag({ device: one.device, user: 0xdeadbeef, policy: 7 });
        await rig.plane.device.tag({ device: one.unitDevice, user: 12 });
        const { program, maps } = await scene.load("facts", "tell", { destination: 0x0a010007 });
        const told: number[][] = [];
        rig.plane.map.consume({ map: maps.facts! }, (record) => {
          told.push([...new Uint32Array(record.slice().buffer)]);
        });
        for (const device of [one.device, one.unitDevice]) {
          for (const hook of ["ingress", "egress"] as const)
            await scene.attach({ device, hook, program: program.program });
        }
        one.send(ppp4(packetOut()));
        await rig.until(() => told.length === 2);
        scene.fromHost(packetIn());
        await rig.until(() => told.length === 4);
        const [channel, unit] = [await scene.number(one.device), await scene.number(one.unitDevice)];
        const size = packetOut().length;
        // length, device, session, user, tunnel, policy, route, route_device, mtu
        const expected = [
          [size + 4, channel, one.channel, 0xdeadbeef, one.tunnelId, 7],
          [size + 14, unit, one.channel, 12, one.tunnelId, 0],
          [size + 14, unit, one.channel, 12, one.tunnelId, 0],
          [size + 4, channel, one.channel, 0xdeadbeef, one.tunnelId, 7],
        ];
        expect(told.map((fact) => [fact[0], fact[1], ...fact.slice(5, 9)])).toEqual(
          expected.map(([length, device, ...rest]) => [length, device, ...rest]),
        );
        expect(told.map((fact) => fact[4])).toEqual(expected.map(([, device]) => device));
        expect(told.map((fact) => fact.slice(9))).toEqual(expected.map(() => [0, unit, 1400]));
      });

      it("lines that they print are told, and why a run was aborted", async () => {
        const [west] = await scene.bridged();
        const number = await scene.number(west.device);
        const print = await scene.load("verdict", "print");
        const abort = await scene.load("verdict", "verdict", { answer: 0 });
        await scene.attach({ device: west.device, hook: "ingress", program: print.program.program, priority: 1 });
        await scene.attach({ device: west.device, hook: "ingress", program: abort.program.program, priority: 2 });
        const before = Date.now() * 1000;
        west.send(ppp4(packetOut()));
        await rig.until(() => lines.length === 2);
        expect(lines).toMatchObject([
          { program: "print", device: number, text: `${ppp4(packetOut()).length} bytes on ${number}` },
          { program: "verdict", device: number, text: "XDP_ABORTED: the program said so" },
        ]);
        expect(Math.abs(lines[0]!.time - before)).toBeLessThan(60_000_000);
      });

      it("a tap shows what comes in before them, and what goes out after them", async () => {
        const [west, east] = await scene.bridged();
        for (const { channel } of [west, east]) await rig.plane.channel.tap({ channel, on: true });
        const stamp = await scene.load("edit", "stamp", { mark: 0x99 });
        await scene.attach({ device: west.device, hook: "ingress", program: stamp.program.program });
        west.send(ppp4(packetOut(1)));
        await rig.until(() => east.received().length === 1 && scene.punts.length === 2);
        expect(scene.punts.map((punt) => [punt.origin === "tap" && punt.direction, hex(punt.bytes).slice(-2)])).toEqual(
          [
            ["in", "01"],
            ["out", "99"],
          ],
        );
      });

      it("a unit's IPv6 for its router goes up as its programs left it", async () => {
        const one = await scene.subscriber("2001:db8::/64");
        const stamp = await scene.load("edit", "stamp", { mark: 0x99 });
        await scene.attach({ device: one.unitDevice, hook: "ingress", program: stamp.program.program });
        const solicitation = ip({ from: "fe80::1", to: "ff02::2" }, 58, filled(16));
        one.send(Buffer.concat([Buffer.from("57", "hex"), solicitation]));
        await rig.until(() => scene.punts.length === 1);
        expect(scene.punts).toMatchObject([{ origin: "unit", unit: one.unit, channel: one.channel }]);
        expect(hex(scene.punts[0]!.bytes)).toBe(`ff030057${ending(solicitation, 0x99)}`);
      });

      it("may be attached while the engine closes", async () => {
        const one = await scene.subscriber("10.1.0.7/32");
        const { program } = await passOf(scene);
        for (const device of [one.device, one.unitDevice, "channel/*", "unit/*", "tun/*"]) {
          for (const hook of ["ingress", "egress"] as const) await scene.attach({ device, hook, program });
        }
        for (let count = 0; count < 20; count++) one.send(ppp4(packetOut()));
        await rig.plane.close();
      });
    });
  });
}
