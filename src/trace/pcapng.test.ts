import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createPcapng } from "./pcapng.js";

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));

const frames: readonly (readonly [time: number, direction: "in" | "out", bytes: Uint8Array])[] = [
  [1_700_000_000_000_250, "in", hex("ff03 c021 01 03 000e 010405b4 05061a2b3c4d")],
  [1_700_000_001_000_000, "out", hex("c021 02 03 000e 010405b4 05061a2b3c4d")],
  [1_700_000_002_000_000, "out", hex("ff03 c023 02 07 0007 02 6869")],
  [1_700_000_003_000_000, "in", hex("ff03 c227 02 07 0009 01 75736572")],
];

const file = (): Uint8Array => {
  const writer = createPcapng({ application: "junctor 1", interfaceName: "session 7/9" });
  return Buffer.concat([writer.head(), ...frames.map((frame) => writer.frame(...frame))]);
};

test("blocks, octet by octet", () => {
  const writer = createPcapng({ application: "me" });
  expect(Buffer.from(writer.head()).toString("hex")).toBe(
    [
      "0a0d0d0a 28000000 4d3c2b1a 01000000 ffffffffffffffff 04000200 6d650000 00000000 28000000",
      "01000000 20000000 09000000 00000000 09000100 06000000 00000000 20000000",
    ]
      .join("")
      .replaceAll(" ", ""),
  );
  expect(Buffer.from(writer.frame(2 ** 32 + 1, "out", hex("aabbcc"))).toString("hex")).toBe(
    "06000000 30000000 00000000 01000000 01000000 03000000 03000000 aabbcc00 02000400 02000000 00000000 30000000".replaceAll(
      " ",
      "",
    ),
  );
});

const tshark = spawnSync("tshark", ["--version"]).status === 0;

test.skipIf(!tshark)("tshark reads times, directions and protocols (needs Debian's tshark)", () => {
  const folder = mkdtempSync(join(tmpdir(), "junctor-pcapng-"));
  try {
    const path = join(folder, "frames.pcapng");
    writeFileSync(path, file());
    const fields = [
      "frame.time_epoch",
      "frame.packet_flags_direction",
      "frame.p2p_dir",
      "_ws.col.Protocol",
      "frame.interface_name",
    ];
    const output = execFileSync("tshark", ["-r", path, "-T", "fields", ...fields.flatMap((field) => ["-e", field])], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
    expect(
      output
        .trimEnd()
        .split("\n")
        .map((line) => line.split("\t")),
    ).toEqual([
      ["1700000000.000250000", "0x00000001", "1", "PPP LCP", "session 7/9"],
      ["1700000001.000000000", "0x00000002", "0", "PPP LCP", "session 7/9"],
      ["1700000002.000000000", "0x00000002", "0", "PPP PAP", "session 7/9"],
      ["1700000003.000000000", "0x00000001", "1", "EAP", "session 7/9"],
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
