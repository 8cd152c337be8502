import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError, configSchema, loadConfig, parseConfig, type Secret } from "./config.js";

/** The mistakes in a text, as lines. */
function mistakes(text: string): readonly string[] {
  try {
    parseConfig(text, "j.yaml");
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split("\n");
  }
}

describe("a configuration", () => {
  it("may be empty", () => {
    const { config, warnings } = parseConfig("");
    expect(config.access).toEqual([]);
    expect(config.policy).toEqual([]);
    expect(config.workers).toBeGreaterThanOrEqual(1);
    expect(config.limits.setupTimeout).toBe(30_000);
    expect(warnings).toEqual([]);
  });

  it("is read with defaults, units and one spelling of addresses", () => {
    const { config } = parseConfig(`
listen: { api: "unix:/run/j.sock", metrics: "127.0.0.1:9090" }
host-name: lts1
access:
  - l2tp: { listen: 0.0.0.0, peers: [192.0.2.0/24], hello-interval: 2m }
  - name: six
    l2tp: { listen: "[2001:DB8:0::1]:1702", retransmit-timeout: 500ms, hello-interval: 30 }
policy:
  - match: { calling-number: 0049*, realm: ["*.example", a.org] }
    forward:
      lns: [203.0.113.10, { address: "2001:db8::7", weight: 3, priority: 1 }]
  - reject: { result: 2, error: 4, message: no }
`);
    expect(config.listen).toEqual({
      api: { kind: "unix", path: "/run/j.sock" },
      token: undefined,
      metrics: { host: "127.0.0.1", port: 9090, family: 4 },
    });
    expect(config.access.map((entry) => [entry.name, entry.listen])).toEqual([
      ["access1", "0.0.0.0:1701"],
      ["six", "[2001:db8::1]:1702"],
    ]);
    expect(config.access.map((entry) => entry.tunnel.helloInterval)).toEqual([120_000, 30_000]);
    expect(config.access[1]?.tunnel).toMatchObject({ hostName: "lts1", retransmitTimeout: 500, retransmitCap: 8000 });
    const [first, second] = config.policy;
    expect(first?.conditions).toEqual([
      { key: "calling-number", patterns: ["0049*"] },
      { key: "realm", patterns: ["*.example", "a.org"] },
    ]);
    expect(first?.action).toMatchObject({
      type: "forward",
      forward: {
        lns: [
          { address: "203.0.113.10:1701", weight: 1, priority: 0 },
          { address: "[2001:db8::7]:1701", weight: 3, priority: 1 },
        ],
        timeout: 20_000,
      },
    });
    expect(second?.action).toEqual({ type: "reject", result: { result: 2, error: 4, message: "no" } });
  });

  it("keeps the spelling of numbers in patterns", () => {
    const { config } = parseConfig("policy: [{ match: { called-number: [0123, 4930] }, accept: {} }]");
    expect(config.policy[0]?.conditions[0]?.patterns).toEqual(["0123", "4930"]);
  });

  it("describes every key for the reference", () => {
    const undescribed: string[] = [];
    const walk = (node: Record<string, unknown>, path: string): void => {
      for (const [key, child] of Object.entries((node.properties ?? {}) as Record<string, Record<string, unknown>>)) {
        if (child.description === undefined) undescribed.push(`${path}.${key}`);
        walk(child, `${path}.${key}`);
      }
      for (const child of (node.anyOf ?? []) as Record<string, unknown>[]) walk(child, path);
      if (node.items !== undefined) walk(node.items as Record<string, unknown>, `${path}[]`);
    };
    walk(z.toJSONSchema(configSchema, { io: "input" }) as Record<string, unknown>, "");
    expect(undescribed).toEqual([]);
  });
});

describe("a mistake", () => {
  it.each([
    [
      "log: { level: inof }",
      [
        'j.yaml:1:15: log.level: found "inof", expected one of trace, debug, info, warn, error, fatal, silent; did you mean info?',
      ],
    ],
    ["acess: []", ["j.yaml:1:1: acess: unknown key, did you mean access?"]],
    [
      "access:\n  - l2tp: { listen: 1.2.3.4, per: [1.1.1.1] }",
      ["j.yaml:2:30: access[0].l2tp.per: unknown key, did you mean peers?"],
    ],
    ["access:\n  - name: west", ["j.yaml:2:5: access[0].l2tp: missing, expected a mapping (key: value)"]],
    [
      "access: [{ l2tp: { listen: lns.example } }]",
      [
        'j.yaml:1:28: access[0].l2tp.listen: found "lns.example", expected an IP address, as 192.0.2.1, 192.0.2.1:1701 or [2001:db8::1]:1701',
      ],
    ],
    ["workers: many", ['j.yaml:1:10: workers: found "many", expected a number']],
    ["workers: 0", ["j.yaml:1:10: workers: found 0, expected a number of at least 1"]],
    [
      "drain: { grace: soon }",
      ['j.yaml:1:17: drain.grace: found "soon", expected a duration, as 500ms, 60s, 2m, or a number of seconds'],
    ],
    [
      "policy: [{ forward: { lns: [] } }]",
      ["j.yaml:1:28: policy[0].forward.lns: found a list, expected a list of at least 1"],
    ],
    [
      "policy: [{ forward: { lns: [7] } }]",
      ["j.yaml:1:29: policy[0].forward.lns[0]: found 7, expected text or a mapping (key: value)"],
    ],
    [
      "policy: [{ forward: { lns: [{ address: 1.1.1.1, wieght: 2 }] } }]",
      ["j.yaml:1:49: policy[0].forward.lns[0].wieght: unknown key, did you mean weight?"],
    ],
    [
      "policy: [{ match: { realm: x } }]",
      ["j.yaml:1:10: policy[0]: found a mapping, expected one action: forward, terminate, accept or reject"],
    ],
    [
      "policy: [{ terminate: { pool: a } }]",
      ["j.yaml:1:31: policy[0].terminate.pool: found a, which is no pool; expected a name in pools"],
    ],
    ["log:\n  level: info\n  level: warn", ["j.yaml:3:3: Map keys must be unique"]],
    ["log: [", ["j.yaml:1:7: Flow sequence in block collection must be sufficiently indented and end with a ]"]],
    ["listen:", ["j.yaml:1:8: listen: found nothing, expected a mapping (key: value)"]],
    [
      "listen: { api: 127.0.0.1:80 }",
      ["j.yaml:1:16: listen.api: found 127.0.0.1:80, expected token-file beside it: the API on TCP needs a token"],
    ],
    [
      "access: [{ l2tp: { listen: 1.1.1.1, hidden: true } }]",
      [
        "j.yaml:1:45: access[0].l2tp.hidden: found true, expected secret-file beside it: AVPs are hidden with the secret",
      ],
    ],
    [
      "access: [{ l2tp: { listen: 1.1.1.1 } }, { l2tp: { listen: 1.1.1.1 } }]",
      ["j.yaml:1:59: access[1].l2tp.listen: found 1.1.1.1:1701 again, expected an address of its own"],
    ],
    [
      "access: [{ name: west, l2tp: { listen: 1.1.1.1 } }]\npolicy: [{ match: { access: wst }, accept: {} }]",
      ["j.yaml:2:29: policy[0].match.access: found wst, which is no access entry; did you mean west?"],
    ],
  ])("%s", (text, expected) => {
    expect(mistakes(text)).toEqual(expected);
  });

  it("does not hide the next", () => {
    expect(mistakes("workers: 0\nlog: { level: 7 }\nfoo: 1")).toHaveLength(3);
  });

  it("in the YAML itself is no crash", () => {
    expect(mistakes("a: *nowhere")).toEqual([expect.stringMatching(/^j.yaml:1:4: .*alias/)]);
    const bomb = [
      "a: &a [x]",
      ...Array.from({ length: 9 }, (_, i) => `${i}: &b${i} [${`*${i === 0 ? "a" : `b${i - 1}`},`.repeat(9)}]`),
    ];
    expect(mistakes(bomb.join("\n"))).toEqual([expect.stringMatching(/alias/)]);
    expect(mistakes("a: 1\n---\nb: 2")).toHaveLength(1);
    expect(mistakes("- a")).toEqual(["j.yaml:1:1: found a list, expected a mapping (key: value)"]);
    expect(mistakes("1: a")).toHaveLength(1);
    expect(mistakes("? {a: b}\n: c")).toHaveLength(1);
  });

  it("of any kind is reported, never thrown otherwise", () => {
    const words = [
      "access",
      "policy",
      "l2tp",
      "listen",
      "match",
      "forward",
      "lns",
      "weight",
      "realm",
      "- ",
      "[",
      "]",
      "{",
      "}",
      ": ",
      ", ",
      "\n",
      "  ",
      "1",
      "x",
      "&a ",
      "*a",
      "null",
      "!!map ",
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 40 }), (parts) => {
        mistakes(parts.join(""));
      }),
      { numRuns: 500 },
    );
  });

  it("is a warning where it may be meant", () => {
    const { warnings } = parseConfig("policy: [{ accept: {} }, { match: { realm: x }, reject: {} }]");
    expect(warnings.map((each) => each.message)).toEqual([
      "rule2 is never reached: rule1 before it matches every call",
    ]);
  });
});

describe("a secret file", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "junctor-config-"));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const load = (secret: string | undefined, mode = 0o600) => {
    if (secret !== undefined) {
      writeFileSync(join(directory, "s"), secret);
      chmodSync(join(directory, "s"), mode);
    }
    writeFileSync(join(directory, "j.yaml"), "access: [{ l2tp: { listen: 1.1.1.1, secret-file: s } }]");
    return loadConfig(join(directory, "j.yaml"));
  };
  const secretOf = (secret: string): Secret => load(secret).config.access[0]!.tunnel.secret!;

  it("loses one newline at its end and no more", () => {
    expect(Buffer.from(secretOf("s3cret\n").reveal()).toString()).toBe("s3cret");
    expect(Buffer.from(secretOf(" s3cret \n\n").reveal()).toString()).toBe(" s3cret \n");
  });

  it("does not show itself", () => {
    const secret = secretOf("s3cret");
    for (const shown of [
      `${secret}`,
      JSON.stringify({ secret }),
      inspect({ secret }, { depth: 9, showHidden: true }),
    ]) {
      expect(shown).toContain("[secret]");
      expect(shown).not.toContain("s3cret");
    }
  });

  it("that every user can read is warned of", () => {
    expect(load("x", 0o644).warnings[0]?.message).toContain("chmod o-r");
    expect(load("x", 0o640).warnings).toEqual([]);
  });

  it("must be there and hold something", () => {
    expect(() => load("\n")).toThrow(/expected a secret in it/);
    rmSync(join(directory, "s"));
    expect(() => load(undefined)).toThrow(/no readable secret/);
  });
});
