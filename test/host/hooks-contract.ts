/** Programs on devices as tests: where they run, what their verdicts do, and what they may do to frames. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DataplaneEvent, Hook, ProgramTrace } from "../../src/dataplane/index.js";
import { hex, type Rig } from "./dataplane-contract.js";
import { createScene, hookObject, type Leg, ppp4, type Scene, type Subscriber, words } from "./hooks-scene.js";
import { headerSum, ip, tcp, transportSum, udp } from "./packets.js";

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
  });
}

void [headerSum, ip, tcp, transportSum, hookObject, passOf, ending, words];

export type { Leg, Subscriber };
