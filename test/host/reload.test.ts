/** A reload is had whole or not at all: files of which half is bad, under traffic; what was there before is there after. Runs from dist/. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { code, xdpObject } from "../fakes/xdp-object.js";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { createNamespace, type Namespace } from "../peers/netns.js";
import { eventually } from "../peers/process.js";
import { requires } from "../peers/requires.js";
import { udpInside } from "../peers/udp.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";

const title = "a reload";
const { reason } = requires(title, ["ip"]);
const program = join(import.meta.dirname, "../../bin/junctor.js");

const access = "127.0.0.1:1701";
const config = `
workers: 1
access: [{ l2tp: { listen: "${access}" } }]
policy: [{ name: on, forward: { lns: ["127.0.0.1:1801"] } }]
`;

describe.skipIf(reason !== undefined)(title, () => {
  const undo = undoStack();
  let space: Namespace;
  let junctor: Junctor;
  let home: string;

  beforeAll(async () => {
    space = await createNamespace(undo, "reload");
    home = temporaryDirectory(undo, "objects");
    const objects = {
      pass: xdpObject({ pass: code.answer(2) }),
      drop: xdpObject({ drop: code.answer(1) }),
      two: xdpObject({ first: code.answer(2), second: code.answer(2) }),
      wild: xdpObject({ wild: code.wild }),
    };
    for (const [name, bytes] of Object.entries(objects)) writeFileSync(join(home, `${name}.o`), bytes);
    await space.run(["ip", "link", "add", "eth1", "type", "veth", "peer", "name", "eth2"]);
    // Without addresses of their own, whose checks for duplicates would change what is compared.
    for (const name of ["eth1", "eth2"]) await space.run(["ip", "link", "set", name, "addrgenmode", "none", "up"]);
    await space.run(["ip", "route", "add", "10.8.0.0/16", "dev", "lo"]);
    udpInside(undo, space, "127.0.0.1:1799");
    writeFileSync(join(home, "file"), "");
    junctor = await startJunctor(undo, space, { config, secrets: {} });
    base = readFileSync(junctor.config, "utf8");
    await junctor.cli("program", "load", join(home, "two.o"), "program", "first", "pin", "others");
  });
  afterAll(() => undo.run());

  let base = "";
  const object = (name: string): string => join(home, `${name}.o`);
  const good = () =>
    `programs: [{ object: ${object("pass")}, device: "udp/*", hook: ingress, pin: ours }, { object: ${object("pass")}, device: udp/${access}, hook: egress }]`;
  const entry = (name: string, rest: string) => `{ object: ${object(name)}, ${rest} }`;
  const programs = (...entries: string[]) =>
    `programs: [{ object: ${object("drop")}, device: "udp/*", hook: ingress, priority: 1 }, ${entries.join(", ")}]`;
  const another = 'access: [{ l2tp: { listen: "127.0.0.1:1703" } }, { l2tp: { listen: "127.0.0.1:1701" } }]';
  const terminating = "policy: [{ name: off, terminate: { pool: [a] } }]";

  const configure = (text: string): void => {
    const keys = [...text.matchAll(/^(\w+):/gm)].map(([, key]) => key);
    const kept = base.split("\n").filter((line) => !keys.some((key) => line.startsWith(`${key}:`)));
    writeFileSync(junctor.config, `${kept.join("\n")}\n${text}\n`);
  };
  const reload = (): Promise<string> => junctor.cli("reload").catch((error: { stderr: string }) => error.stderr);

  /** All that may not change. Counters do. */
  async function state(): Promise<string> {
    const paths = ["programs", "attachments", "maps", "devices", "sessions", "tunnels", "units", "pools", "radius"];
    const asked = await Promise.all(paths.map((path) => junctor.get(`/v1/${path}`)));
    const volatile = new Set(["counters", "uptime", "since", "idle", "rxPackets", "txPackets"]);
    const stable = JSON.parse(JSON.stringify(asked), (key, value) => (volatile.has(key) ? undefined : value));
    const host = [];
    for (const line of ["ip -o -d link", "ip -o address", "ip route", "ip -6 route"]) {
      host.push((await space.run(line.split(" "))).split("\n").map((each) => each.replace(/valid_lft.*/, "")));
    }
    host.push(
      (await space.run(["ss", "-Hlnu"]))
        .split("\n")
        .map((each) => each.split(/\s+/)[3])
        .sort(),
    );
    return JSON.stringify([stable, host], null, 1);
  }

  const differing = (one: string, other: string): readonly string[] => {
    const lines = new Set(other.split("\n"));
    return one.split("\n").filter((line) => !lines.has(line));
  };

  const bad: readonly (readonly [what: string, text: () => string, refusal: RegExp])[] = [
    [
      "an address that somebody has",
      () => `${another.replace("1701", "1799")}\n${programs()}`,
      /cannot use 127\.0\.0\.1:1799/,
    ],
    [
      "a device that is not there",
      () => `${another}\n${programs(entry("pass", "device: channel/999, hook: ingress"))}`,
      /channel\/999.*ENODEV/,
    ],
    [
      "a unit that is not there",
      () => `${another}\n${programs(entry("pass", "device: unit/nobody, hook: ingress"))}`,
      /unit\/nobody.*ENODEV/,
    ],
    [
      "a port that is none of its own",
      () => `${another}\n${programs(entry("pass", "device: udp/127.0.0.1:9, hook: ingress"))}`,
      /found udp\/127\.0\.0\.1:9/,
    ],
    [
      "a program that is refused",
      () => `${another}\n${programs(entry("wild", 'device: "udp/*", hook: ingress'))}`,
      /program wild.*EACCES/,
    ],
    [
      "a program that an object has not",
      () => `${another}\n${programs(entry("two", 'program: third, device: "udp/*", hook: ingress'))}`,
      /has no program third/,
    ],
    [
      "a name that is somebody else's",
      () => `${another}\n${programs(entry("two", 'program: second, device: "udp/*", hook: ingress, pin: others'))}`,
      /pin others.*has this name/,
    ],
    [
      "a name of two programs",
      () =>
        programs(
          entry("two", 'program: first, device: "udp/*", hook: ingress, pin: x'),
          entry("two", 'program: second, device: "udp/*", hook: ingress, pin: x'),
        ),
      /another program has the name x/,
    ],
    [
      "more programs than a hook takes",
      () =>
        programs(
          ...Array.from({ length: 16 }, (_, n) => entry("pass", `device: "udp/*", hook: ingress, priority: ${n + 2}`)),
        ),
      /E2BIG/,
    ],
    [
      "programs of a hook that see different things",
      () => `${another}\n${programs(entry("pass", `device: udp/${access}, hook: egress, framing: ethernet`))}`,
      /EOPNOTSUPP/,
    ],
    [
      "an interface that is not there, after one that is",
      () =>
        programs(
          entry("pass", "device: eth1, hook: ingress, mode: generic"),
          entry("pass", "device: eth9, hook: ingress, mode: generic"),
        ),
      /eth9|in the kernel/,
    ],
    [
      "a device that is not there, after one in the kernel",
      () =>
        programs(
          entry("pass", "device: eth1, hook: ingress, mode: generic"),
          entry("pass", "device: channel/999, hook: ingress"),
        ),
      /channel\/999|in the kernel/,
    ],
    [
      "an interface that is no TUN device",
      () => `${another}\n${terminating}\npools: { a: [10.7.0.0/16] }\ntun: { name: eth2 }\n${programs()}`,
      /tun eth2/,
    ],
    [
      "a route that somebody has",
      () => `${another}\n${terminating}\npools: { a: [10.7.0.0/16, 10.8.0.0/16] }\n${programs()}`,
      /10\.8\.0\.0\/16/,
    ],
    [
      "an address that somebody has, where it would terminate",
      () => `${another.replace("1701", "1799")}\n${terminating}\npools: { a: [10.7.0.0/16] }`,
      /cannot use/,
    ],
    [
      "a store that is no directory",
      () =>
        `${another}\n${terminating}\npools: { a: [10.7.0.0/16] }\naaa: { store: ${join(home, "file")} }\n${programs()}`,
      /store|file/,
    ],
    ["a key that there is not", () => `${another}\n${programs()}\npolcy: []`, /polcy/],
  ];

  test("that is refused changes nothing, whatever else the file has, and traffic goes on", async () => {
    configure(good());
    expect(await reload()).toMatch(/attached\n/);
    const blast = space.start([
      ...[process.execPath, program, "blast", "--json", "--switch", access, "--lns-listen", "127.0.0.1:1801"],
      ...["--tunnels", "1", "--sessions", "2", "--rate", "200", "--seconds", "300"],
    ]);
    undo.defer(async () => void (await blast.stop()));
    await eventually("calls are bridged", async () => {
      const sessions = await junctor.sessions();
      return sessions.length === 4 && sessions.every(({ bridgedWith }) => bridgedWith !== null) ? true : undefined;
    });
    const before = await state();
    const wrong: unknown[] = [];
    for (const [what, text, refusal] of bad) {
      configure(text());
      const said = await reload();
      const after = await state();
      if (!refusal.test(said)) wrong.push([what, said]);
      if (after !== before) wrong.push([what, differing(after, before), differing(before, after), said]);
    }
    expect(wrong).toEqual([]);

    configure(good());
    expect(await reload()).toBe("nothing changed\n");
    await blast.stop("SIGINT", 20_000);
    expect(JSON.parse(blast.output())).toMatchObject({ traffic: { up: { lost: 0 }, down: { lost: 0 } } });
  }, 120_000);

  test("changes what programs see, and swaps names, at once", async () => {
    configure(
      `programs: [${entry("two", 'program: first, device: "udp/*", hook: ingress, pin: a')}, ${entry("pass", 'device: "udp/*", hook: egress, pin: b')}]`,
    );
    expect(await reload()).toMatch(/attached\n/);
    configure(
      `programs: [${entry("two", 'program: first, device: "udp/*", hook: ingress, pin: b, framing: native')}, ${entry("pass", 'device: "udp/*", hook: egress, pin: a')}]`,
    );
    await reload();
    const shown = JSON.parse(await junctor.cli("-j", "program", "show")) as { name: string; pin: string | null }[];
    expect(shown.map(({ name, pin }) => [name, pin]).sort()).toEqual([
      ["first", "b"],
      ["first", "others"],
      ["pass", "a"],
      ["second", null],
    ]);
  });
});
