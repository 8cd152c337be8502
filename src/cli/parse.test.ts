import { describe, expect, test } from "vitest";
import { tunnelView } from "../../test/fakes/gateway.js";
import type { Tunnel } from "../api/schemas.js";
import { tunnelJson } from "../api/views.js";
import { splitWords } from "./batch.js";
import { rates } from "./commands/top.js";
import { bashCompletion } from "./completion.js";
import { CliError } from "./exit.js";
import { age, count, exact, table } from "./format.js";
import { synopsis } from "./grammar.js";
import { commandHelp, objectHelp, overview } from "./help.js";
import { parse } from "./parse.js";
import { readServerSentEvents } from "./sse.js";
import { objects } from "./table.js";

const read = (line: string) => {
  const { object, command, input, globals } = parse(line.split(" "), objects);
  return { words: `${object?.name} ${command?.name}`.trim(), ...input, globals };
};

/** The message and the hint of the refusal. */
const refusal = (line: string): string => {
  try {
    read(line);
    return "";
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return `${error.message}; ${error.hint}`;
  }
};

describe("words", () => {
  test.each([
    ["tunnel", "tunnel show"],
    ["t s", "tunnel show"],
    ["se g 7/1", "session get"],
    ["cha b 4 5", "channel bridge"],
    ["c b 4 5", "channel bridge"],
    ["s s", "session show"],
    ["st", "status show"],
    ["st c", "status counters"],
    ["drain", "drain show"],
    ["drain of", "drain off"],
    ["mon", "monitor"],
  ])("%s means %s", (line, words) => expect(read(line).words).toBe(words));

  test("keywords may follow the object at once", () => {
    expect(read("tunnel remote 192.0.2.1 state established")).toMatchObject({
      words: "tunnel show",
      keywords: { remote: "192.0.2.1", state: "established" },
    });
    expect(read("s show tunnel 7".replace("s ", "session "))).toMatchObject({ keywords: { tunnel: "7" } });
  });

  test("operands come by their names", () => {
    expect(read("channel bridge 4 5").operands).toEqual({ a: "4", b: "5" });
    expect(read("session get 7/1").operands).toEqual({ "tunnel/session": "7/1" });
  });

  test.each([
    ["-j -p tunnel show", { json: true, pretty: true }],
    ["tunnel -jp show", { json: true, pretty: true }],
    ["tunnel show --json -s /run/x.sock", { json: true, socket: "/run/x.sock" }],
    ["--socket=unix:/x tunnel", { socket: "unix:/x" }],
  ])("options of %s", (line, globals) => expect(read(line).globals).toEqual(globals));

  test("an object's own option goes before the general one of the same letter", () => {
    expect(read("run -c j.yaml").options).toEqual({ config: "j.yaml" });
    expect(read("-c tunnel show").globals).toEqual({ color: true });
  });

  test("what follows blast is its own affair", () => {
    expect(read("-j blast --tunnels 3 -x help")).toMatchObject({
      rest: ["--tunnels", "3", "-x", "help"],
      globals: { json: true },
    });
  });

  test.each(["tunnel help", "tunnel --help", "-h tunnel"])("%s asks for the object's help", (line) => {
    expect(parse(line.split(" "), objects)).toMatchObject({ object: { name: "tunnel" }, command: undefined });
  });

  test.each(["tunnel show help", "tunnel show --help", "-h tunnel show"])("%s asks for the command's", (line) => {
    expect(parse(line.split(" "), objects)).toMatchObject({ command: { name: "show" }, globals: { help: true } });
  });
});

describe("a mistake says what was expected", () => {
  test.each([
    ["tunel", "tunel: no such object; the objects are run, check, status, tunnel"],
    ["r", "r: could be run, radius, reload"],
    ["drain o", "o: could be on, off"],
    [
      "tunnel shwo",
      "shwo: not understood after tunnel show; expected a command (show, get, terminate) or a keyword (remote",
    ],
    ["tunnel show remote", "remote lacks its value; remote ADDRESS[:PORT]"],
    ["tunnel show side left", "side left: expected access or onward"],
    ["tunnel show side access side access", "side is given twice"],
    ["tunnel get", "tunnel get lacks TUNNEL; junctor help tunnel get"],
    ["tunnel get 7 8", "8: not understood after tunnel get"],
    ["tunnel show --nonsense", "--nonsense: no such option"],
    ["tunnel show -s", "-s lacks its value; -s SOCKET"],
    ["tunnel show --json=1", "--json takes no value"],
    ["completion fish", "fish: expected bash"],
  ])("%s", (line, says) => expect(refusal(line)).toContain(says));
});

describe("the table", () => {
  const commands = objects.flatMap((object) => object.commands.map((command) => ({ object, command })));

  test("has names that one can type and a summary for everything", () => {
    for (const { object, command } of commands) {
      for (const { name, summary } of [object, command]) {
        expect(name).toMatch(/^[a-z-]*$/);
        expect(summary).toMatch(/^[A-Z][^.]*[^.]$|^L2TP/);
      }
    }
  });

  test("a keyword of a default command is not taken for a command", () => {
    for (const { commands: all } of objects) {
      for (const { name } of all[0].keywords ?? []) expect(all.map((each) => each.name)).not.toContain(name);
    }
  });

  test("is what the helps show", () => {
    expect(overview(objects)).toContain("  channel     PPP channels of the data plane\n");
    for (const { object, command } of commands) {
      expect(objectHelp(object)).toContain(synopsis(object, command));
      expect(commandHelp(object, command)).toContain(`usage: junctor ${synopsis(object, command)}\n`);
      for (const line of commandHelp(object, command).split("\n")) expect(line.length).toBeLessThanOrEqual(132);
    }
  });

  test("is what the completion offers", () => {
    const script = bashCompletion(objects);
    for (const { object } of commands) expect(script).toContain(object.name);
    expect(script).toContain('"channel bridge"');
  });
});

describe("forms", () => {
  test.each([
    [0, "0"],
    [9999, "9999"],
    [12_345, "12.3k"],
    [999_499, "999k"],
    [999_500, "1.00M"],
    [1_050_000_000, "1.05G"],
  ])("the count %i is %s", (value, text) => expect(count(value)).toBe(text));

  test("every digit, in groups", () => {
    expect([0, 999, 1000, 1_234_567].map(exact)).toEqual(["0", "999", "1 000", "1 234 567"]);
  });

  test.each([
    [0, "0s"],
    [59, "59s"],
    [723, "12m03s"],
    [7500, "2h05m"],
    [273_600, "3d04h"],
  ])("an age of %i seconds is %s", (seconds, text) => {
    expect(age("2026-01-02T03:04:05.000Z", Date.UTC(2026, 0, 2, 3, 4, 5) + seconds * 1000)).toBe(text);
  });

  test("columns are as wide as what they hold, colours not counted", () => {
    const columns = [
      { title: "A", align: "right", cell: ([a]: string[]) => a! },
      { title: "B", cell: ([, b]: string[]) => b! },
    ] as const;
    expect(
      table(columns, [
        ["100", "\u001b[32mup\u001b[0m"],
        ["7", "down"],
      ]),
    ).toBe("  A  B\n100  \u001b[32mup\u001b[0m\n  7  down\n");
  });
});

test("rates are what was carried between two looks, the busiest tunnel first", () => {
  const counters = (packets: number) => ({
    rxPackets: packets,
    rxBytes: 100 * packets,
    txPackets: packets,
    txBytes: 0,
  });
  const tunnel = (id: number, packets: number): Tunnel =>
    tunnelJson(tunnelView(id, "access", { counters: { ...counters(packets), rxErrors: 0, txErrors: 0 } }));
  const all = rates([tunnel(1, 100), tunnel(2, 100)], [tunnel(1, 120), tunnel(2, 300), tunnel(3, 10)], 2);
  expect(all.map(({ tunnel: id, rxPackets, rxBits }) => [id, rxPackets, rxBits])).toEqual([
    [2, 100, 80_000],
    [1, 10, 8000],
    [3, 5, 4000],
  ]);
});

test.each([
  ["tunnel show  # all of them", ["tunnel", "show"]],
  ["# nothing", []],
  ["", []],
  ["session show user 'a b' called \"4 9\"0", ["session", "show", "user", "a b", "called", "4 90"]],
  ["session show user 'a", undefined],
])("the batch line %j", (text, words) => expect(splitWords(text)).toEqual(words));

test("server-sent events are read across any cuts", async () => {
  const text = ': \n\nid: 1\nevent: bridged\ndata: {"ä":1}\n\nevent: end\ndata: {"reason":"x"}\n\n';
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size < 20; size++) {
    async function* cut() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const read: unknown[] = [];
    for await (const event of readServerSentEvents(cut())) read.push(event);
    expect(read).toEqual([
      { event: "bridged", data: '{"ä":1}' },
      { event: "end", data: '{"reason":"x"}' },
    ]);
  }
});
