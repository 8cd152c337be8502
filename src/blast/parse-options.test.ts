import { describe, expect, test } from "vitest";
import { options } from "./options.js";
import { defaultOptions, help, parseOptions } from "./parse-options.js";

describe("the command line of blast", () => {
  test("what is not said has the table's default", () => {
    expect(defaultOptions).toMatchObject({
      role: "both",
      tunnels: 1,
      sessions: 1,
      traffic: true,
      lnsListen: ["127.0.0.1:0"],
    });
    expect(parseOptions([])).toMatchObject({ json: false, help: false, secretFile: undefined });
  });

  test("what is said is read", () => {
    const {
      options: read,
      json,
      secretFile,
    } = parseOptions([
      "--role",
      "lns",
      "--lns-listen",
      "[::1]:1701",
      "--lns-listen=127.0.0.2:5",
      "--tunnels=3",
      "--rate",
      "0",
      "--json",
      "--hidden",
      "--secret-file",
      "s",
    ]);
    expect(read).toMatchObject({
      role: "lns",
      lnsListen: ["[::1]:1701", "127.0.0.2:5"],
      tunnels: 3,
      rate: 0,
      maxLoss: 1,
    });
    expect([json, secretFile, read.hidden]).toEqual([true, "s", true]);
  });

  test("subscribers are a LAC's alone, and authenticate as they are told", () => {
    const read = (...words: string[]) => parseOptions(["--ppp", "--switch", "192.0.2.1:1701", ...words]).options;
    expect(read()).toMatchObject({ role: "lac", ppp: true, auth: ["pap", "chap", "mschapv2"], target: undefined });
    expect(read("--auth", "chap", "--hangup", "ppp", "--target", "198.51.100.1:7")).toMatchObject({
      auth: ["chap"],
      hangup: "ppp",
      target: "198.51.100.1:7",
    });
  });

  test.each([
    [["--nonsense"], "unknown argument --nonsense"],
    [["tunnels"], "unknown argument"],
    [["--tunnels"], "lacks its value"],
    [["--tunnels", "0"], "a whole number from 1"],
    [["--tunnels", "1.5"], "a whole number"],
    [["--rate", ""], "a number from"],
    [["--switch", "localhost"], "ADDRESS:PORT"],
    [["--ppp"], "--switch"],
    [["--ppp", "--switch", "192.0.2.1:1", "--hangup", "lns"], "the LNS is not ours"],
    [["--hangup", "ppp"], "there is no PPP"],
    [["--target", "[::1]:7"], "an IPv4 address"],
    [["--switch", "1.2.3.4:70000"], "ADDRESS:PORT"],
    [["--role", "lts"], "expected both, lac, lns"],
    [["--seed", "1", "--seed", "2"], "given twice"],
    [["--role", "lac"], "--switch"],
    [["--hidden"], "--secret-file"],
    [["--ping", "localhost"], "expected an IPv4 address"],
    [["--ping", "192.0.2.1", "--target", "192.0.2.1:7"], "give one of them"],
  ])("%j is refused with a reason", (args, reason) => {
    expect(() => parseOptions(args)).toThrow(reason);
  });

  test("the help names every option", () => {
    for (const { name } of options) expect(help()).toContain(`--${name}`);
  });
});
