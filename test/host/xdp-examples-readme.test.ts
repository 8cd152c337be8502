/** The READMEs of the examples: every command and every piece of configuration in them is tried against a daemon. Runs from dist/. */
import { execFile } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Junctor, startJunctor } from "../peers/junctor.js";
import { createNamespace, type Namespace } from "../peers/netns.js";
import { eventually } from "../peers/process.js";
import { requires } from "../peers/requires.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";
import { buildExamples, cannotRun, exampleFolder, exampleNames } from "./xdp-examples-rig.js";

const title = "READMEs of the examples";
const reason = requires(title, []).reason ?? cannotRun();
const bin = fileURLToPath(new URL("../../bin/junctor.js", import.meta.url));

/** Channels 1 to 4 come with calls that are left alone. */
const config = `
access: [{ l2tp: { listen: "127.0.0.1:1701" } }]
policy: [{ accept: {} }]
`;

/** Indented code of a README. */
const code = (text: string): string[] =>
  [...text.matchAll(/(?:^ {4}.*\n)+/gm)].map(([block]) => block.replaceAll(/^ {4}/gm, ""));

/** Commands that follow each other as one batch: what the command line takes, a batch does. */
function scripts(lines: readonly string[]): string[] {
  const made: string[] = [];
  let batch: string[] = [];
  const end = () => {
    if (batch.length > 0) made.push(`junctor --batch - <<'END'\n${batch.join("\n")}\nEND`);
    batch = [];
  };
  for (const line of lines) {
    if (line.startsWith("junctor ")) batch.push(line.slice("junctor ".length));
    else {
      end();
      made.push(line);
    }
  }
  end();
  return made;
}

describe.skipIf(reason !== undefined)(title, { timeout: 120_000 }, () => {
  const undo = undoStack();
  let space: Namespace;
  let junctor: Junctor;
  let home: string;

  beforeAll(async () => {
    space = await createNamespace(undo, "readmes");
    junctor = await startJunctor(undo, space, { config, secrets: {} });
    home = temporaryDirectory(undo, "xdp");
    cpSync(exampleFolder, home, { recursive: true });
    const objectOf = buildExamples(undo);
    for (const name of exampleNames) writeFileSync(join(home, name, `${name}.o`), objectOf(name));
    const blast = space.start(
      [
        process.execPath,
        bin,
        "blast",
        "--role",
        "lac",
        "--switch",
        "127.0.0.1:1701",
        "--sessions",
        "4",
        "--tunnels",
        "1",
        "--seconds",
        "300",
        "--rate",
        "50",
        "--max-loss",
        "1",
      ],
      { cwd: home },
    );
    undo.defer(async () => void (await blast.stop("SIGKILL", 1000)));
    await eventually("four channels", async () => {
      if (blast.ended()) throw new Error(`blast ended:\n${blast.output()}`);
      return (await junctor.sessions()).length === 4 ? true : undefined;
    }).catch((error) => {
      throw new Error(`${error}\n${blast.output()}`);
    });
  });
  afterAll(() => undo.run());

  const socket = () => JSON.parse(/^listen: (.*)$/m.exec(readFileSync(junctor.config, "utf8"))![1]!).api as string;

  async function shell(script: string, folder: string): Promise<string> {
    const prelude = `set -e\njunctor() { ${process.execPath} ${bin} -s ${socket()} "$@"; }\n`;
    try {
      const { stdout } = await promisify(execFile)("sh", ["-c", prelude + script], { cwd: folder });
      return stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${script}\n${stdout}${stderr}`);
    }
  }

  it.each(exampleNames)("%s: its commands work", async (name) => {
    const folder = join(home, name);
    const text = readFileSync(join(folder, "README.md"), "utf8");
    const lines = code(text)
      .filter((block) => !block.startsWith("programs:"))
      .join("")
      .split("\n")
      // What needs an interface of the host, Wireshark, or does not end.
      .filter((line) => !/eth1|wireshark|read\.mjs|^make/.test(line));
    expect(lines.filter((line) => line.includes("junctor ")).length).toBeGreaterThan(3);
    for (const script of scripts(lines)) await shell(script, folder);
    const all = async <T>(what: string) => JSON.parse(await shell(`junctor -j ${what}`, folder)) as T[];
    const gone = [
      ...(await all<{ attachment: number }>("program attachments")).map(({ attachment }) => `detach ${attachment}`),
      ...(await all<{ program: number }>("program show")).flatMap(({ program }) => [
        `unpin ${program}`,
        `unload ${program}`,
      ]),
    ];
    await shell(
      `junctor --force --batch - <<'END' || true\n${gone.map((line) => `program ${line}\n`).join("")}END`,
      folder,
    );
    expect(JSON.parse(await shell("junctor -j map show", folder))).toEqual([]);
  });

  it("sampling: its reader reads", async () => {
    const folder = join(home, "sampling");
    await shell("junctor program attach sampling.o device 'channel/*'", folder);
    await shell(`junctor map update name settings key 0 value '{"rate":2,"snap":40}'`, folder);
    const env = `JUNCTOR="${process.execPath} ${bin} -s ${socket()}"`;
    const lines = (await shell(`${env} node read.mjs --count 3`, folder)).trim().split("\n");
    expect(lines).toHaveLength(3);
    for (const line of lines)
      expect(line).toMatch(/^device \d+ session [1-4] user \d+: \d+ bytes, 1 in 2: ff03[\da-f]+$/);
    await shell(`${env} node read.mjs --pcapng --count 2 >file`, folder);
    const file = readFileSync(join(folder, "file"));
    expect([file.readUInt32LE(0), file.length]).toEqual([0x0a0d0d0a, 28 + 2 * 32 + 2 * (32 + 40)]);
  });

  it("what they cost can be measured", async () => {
    const out = await promisify(execFile)(process.execPath, [
      join(exampleFolder, "cost.mjs"),
      "--rounds",
      "1",
      "--json",
    ]);
    const { rows } = JSON.parse(out.stdout) as { rows: { program: string; verdict: string; jit: number }[] };
    expect(rows.map(({ program, verdict }) => `${program} ${verdict}`)).toEqual([
      "from_subscriber pass",
      "from_subscriber pass",
      "to_subscriber pass",
      "validate_source pass",
      "mark pass",
      "limit_syn pass",
      "limit_syn pass",
      "sample_frames pass",
      "balance_ppp pass",
      "count_sent pass",
    ]);
  });

  it.each(exampleNames)("%s: its configuration is right", async (name) => {
    const folder = join(home, name);
    const blocks = code(readFileSync(join(folder, "README.md"), "utf8")).filter((block) =>
      block.startsWith("programs:"),
    );
    expect(blocks).toHaveLength(1);
    writeFileSync(join(folder, "junctor.yaml"), `${config}${blocks[0]}`);
    expect(await shell("junctor check junctor.yaml", folder)).toBeDefined();
  });
});
