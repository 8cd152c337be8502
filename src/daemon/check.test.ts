import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { code, xdpObject } from "../../test/fakes/xdp-object.js";
import { check } from "./check.js";

describe("check of programs", () => {
  let home: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "check-"));
    const objects = {
      "one.o": xdpObject({ one: code.answer(2) }),
      "two.o": xdpObject({ first: code.answer(2), second: code.answer(1) }),
      "wild.o": xdpObject({ fine: code.answer(2), wild: code.wild }),
      "cut.o": xdpObject({ one: code.answer(2) }).subarray(0, 100),
    };
    for (const [name, bytes] of Object.entries(objects)) writeFileSync(join(home, name), bytes);
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  /** What is found, each without its file and the directory. */
  async function found(...programs: string[]): Promise<readonly string[]> {
    const file = join(home, "j.yaml");
    const text = `access: [{ l2tp: { listen: "127.0.0.1:1701" } }]\nprograms:\n${programs.map((each) => `  - ${each}\n`).join("")}`;
    writeFileSync(file, text);
    const { mistakes, warnings } = await check(file);
    const line = (mark: string) => (each: { text: string }) => mark + each.text.replaceAll(`${home}/`, "");
    return [...mistakes.map(line("")), ...warnings.map(line("? "))];
  }

  test("finds nothing where there is nothing", async () => {
    expect(
      await found(
        '{ object: one.o, device: "unit/*", hook: ingress, pin: a }',
        '{ object: one.o, program: one, device: "udp/127.0.0.1:1701", hook: egress, pin: a }',
        '{ object: two.o, program: second, device: "tun/*", hook: ingress, pin: b }',
        "{ object: one.o, device: lo, hook: ingress, mode: native }",
      ),
    ).toEqual([]);
  });

  test.each([
    [
      "a program that the verifier refuses",
      '{ object: wild.o, program: wild, device: "udp/*", hook: ingress }',
      /^j\.yaml:3:15: programs\[0\]\.object: wild\.o: program wild on ingress of udp\/\*: program wild.*instruction 0\b.*$/,
    ],
    [
      "one that is loaded with the one that is named",
      '{ object: wild.o, program: fine, device: "udp/*", hook: ingress }',
      /: wild\.o: program fine on ingress of udp\/\*: wild, which is loaded with it: .*$/,
    ],
    [
      "a program that is not there",
      '{ object: two.o, program: secnd, device: "udp/*", hook: ingress }',
      /^j\.yaml:3:31: programs\[0\]\.program: found secnd, which is no program of two\.o; did you mean second\?$/,
    ],
    [
      "none named of several",
      '{ object: two.o, device: "udp/*", hook: ingress }',
      /: two\.o has several programs, expected program: one of first, second$/,
    ],
    [
      "a file that is broken",
      '{ object: cut.o, device: "udp/*", hook: ingress }',
      /^j\.yaml:3:15: programs\[0\]\.object: cut\.o: .+$/,
    ],
    [
      "a global that is not there",
      '{ object: one.o, globals: { most: 1 }, device: "udp/*", hook: ingress }',
      /: one\.o: .*most.*$/,
    ],
    [
      "a device that no port has",
      "{ object: one.o, device: udp/127.0.0.1:1702, hook: ingress }",
      /\.device: found udp\/127\.0\.0\.1:1702, .*one of udp\/127\.0\.0\.1:1701$/,
    ],
    [
      "an interface of the host in mode user",
      "{ object: one.o, device: eth0, hook: ingress }",
      /\.device: found eth0, .*mode native or generic\?$/,
    ],
    [
      "a hook that the kernel has not",
      "{ object: one.o, device: lo, hook: egress, mode: generic }",
      /\.hook: found egress, expected ingress: .*$/,
    ],
    [
      "a pattern for the kernel",
      '{ object: one.o, device: "eth*", hook: ingress, mode: native }',
      /\.device: found eth\*, expected the name of an interface: .*$/,
    ],
    [
      "an interface that is not there",
      "{ object: one.o, device: nowhere7, hook: ingress, mode: native }",
      /^\? .*: nowhere7 is no interface of this host now$/,
    ],
    [
      "a device that comes later",
      "{ object: one.o, device: unit/ppp7, hook: ingress }",
      /^\? .*: unit\/ppp7 is not there when the daemon starts/,
    ],
  ])("tells of %s", async (_, program, expected) => {
    const [only, ...more] = await found(program);
    expect(only).toMatch(expected);
    expect(more).toEqual([]);
  });

  test("tells of names that two programs would have, and of programs with two names", async () => {
    expect(
      await found(
        '{ object: two.o, program: first, device: "udp/*", hook: ingress, pin: a }',
        '{ object: two.o, program: second, device: "udp/*", hook: ingress, pin: a }',
        '{ object: two.o, program: first, device: "udp/*", hook: egress, pin: b }',
      ),
    ).toEqual([
      expect.stringMatching(/programs\[1\]\.pin: found a again, expected a name of its own for second$/),
      expect.stringMatching(/programs\[2\]\.pin: found b, but first has the name a already$/),
    ]);
  });
});
