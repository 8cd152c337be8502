/** What README.md and the pages of docs/ show is right: configurations, commands, links, library code. Runs from dist/. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { parse, stringify } from "yaml";
import { check } from "../../src/daemon/check.js";
import { parseChapSecrets } from "../../src/gateway/aaa/chap-secrets.js";
import { code, xdpObject } from "../fakes/xdp-object.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string) => readFileSync(join(root, path), "utf8");
const blocksOf = (page: string, language: string) =>
  [...read(page).matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, text]) => text!);
const node = (...args: string[]) => execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" });

describe("configurations that are shown have no mistakes", () => {
  let home: string;
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "readme-"));
    for (const secret of ["lac", "lns", "l2tp", "radius", "dynamic"])
      writeFileSync(join(home, `${secret}.secret`), "secret\n", { mode: 0o600 });
    writeFileSync(join(home, "chap-secrets"), blocksOf("docs/lns.md", "conf")[0]!);
    const pass = code.answer(2);
    writeFileSync(join(home, "block.o"), xdpObject({ block: pass }));
    writeFileSync(join(home, "firewall.o"), xdpObject({ from_subscriber: pass, to_subscriber: pass }));
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const findings = async (text: string) => {
    const file = join(home, "junctor.yaml");
    writeFileSync(file, text);
    return check(file);
  };
  const none = { mistakes: [], warnings: [] };

  const isWhole = (text: string) => /^access:/m.test(text);
  const shown = blocksOf("README.md", "yaml");
  test.each(shown.filter(isWhole))("README: %.20s", async (text) => {
    expect(await findings(text)).toEqual(none);
  });

  const [whole = "", ...parts] = blocksOf("docs/lns.md", "yaml");
  test("docs/lns.md, the whole one", async () => expect(await findings(whole)).toEqual(none));
  test.each(parts)("docs/lns.md, a part in place of the whole's: %.20s", async (text) => {
    expect(await findings(stringify({ ...parse(whole), ...parse(text) }))).toEqual(none);
  });
  const ofPrograms = [...shown.filter((text) => !isWhole(text)), ...blocksOf("docs/xdp.md", "yaml")];
  test.each(ofPrograms)("programs, beside the whole of docs/lns.md: %s", async (text) => {
    expect(Object.keys(parse(text))).toEqual(["programs"]);
    expect(await findings(stringify({ ...parse(whole), ...parse(text) }))).toEqual(none);
  });
});

test.each(["examples/chap-secrets", "docs/lns.md"])("users in %s are understood", (page) => {
  const text = page.endsWith(".md") ? blocksOf(page, "conf")[0]! : read(page);
  const { secrets, problems } = parseChapSecrets(text, page);
  expect(problems).toEqual([]);
  expect(secrets.size).toBeGreaterThan(1);
  expect(secrets.find("alice", "lns1")).toBeDefined();
});

describe("README", () => {
  it("shows library code that is part of an example, and the example runs", () => {
    expect(read("examples/bridge.mjs")).toContain(blocksOf("README.md", "js")[0]!);
    expect(node("examples/bridge.mjs")).toContain("tunnel 80, session 20");
  });

  it("names every library that the package exports, and each is there", async () => {
    const { exports } = JSON.parse(read("package.json")) as { exports: Record<string, string> };
    const libraries = Object.entries(exports).filter(([, path]) => path.endsWith(".js"));
    expect(libraries.length).toBeGreaterThan(7);
    for (const [name, path] of libraries) {
      if (name !== "./dataplane") expect(read("README.md")).toContain(`\`junctor/${name.slice(2)}\``);
      expect(Object.keys(await import(join(root, path)))).not.toEqual([]);
    }
  });
});

const pages = [
  "README.md",
  ...readdirSync(join(root, "docs")).flatMap((name) => (name.endsWith(".md") ? [`docs/${name}`] : [])),
];

test.each(["README.md", "docs/lns.md", "docs/xdp.md"])("%s names only commands that the command line has", (page) => {
  const commands = blocksOf(page, "console").flatMap((text) => [...text.matchAll(/^[$#] junctor (\w+)/gm)]);
  expect(commands.length).toBeGreaterThan(4);
  for (const object of new Set(commands.map(([, name]) => name!)))
    expect(node("bin/junctor.js", "help", object)).toContain(`junctor ${object}`);
});

/** As GitHub makes it of a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replace(/ /g, "-");
const anchors = (page: string) => [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchor(heading!));

test.each(pages)("links of %s lead somewhere", (page) => {
  const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link!)
    .filter((link) => !/^\w+:/.test(link));
  for (const link of links) {
    const [path = "", fragment] = link.split("#");
    const target = path === "" ? page : join(dirname(page), path);
    expect(existsSync(join(root, target)), link).toBe(true);
    if (fragment !== undefined) expect(anchors(target), link).toContain(fragment);
  }
});
