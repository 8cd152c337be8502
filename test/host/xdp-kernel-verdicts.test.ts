/** The verdicts that the rows of test/xdp/verdicts expect are those of the running kernel. */
import { describe, expect, it } from "vitest";
import { loadKernelObject } from "../../src/dataplane/linux/bpf/kernel-object.js";
import { BpfError, bpfMissing } from "../../src/system/bpf.js";
import { verdictBtf } from "../xdp/verdicts/btf.js";
import { verdictRows } from "../xdp/verdicts/index.js";
import { programOf, type VerdictRow } from "../xdp/verdicts/row.js";

const reason = bpfMissing();
if (reason !== undefined) console.warn(`skipped: bpf(2): ${reason}`);

/** undefined: accepted; else the end of the log. */
function refusal(row: VerdictRow): string | undefined {
  const program = programOf(row);
  try {
    loadKernelObject({
      programs: [program],
      maps: program.maps,
      license: program.license,
      ...(row.btf ? { rawBtf: verdictBtf() } : {}),
    }).close();
    return undefined;
  } catch (error) {
    if (error instanceof BpfError) return error.message;
    throw error;
  }
}

const title = "the kernel on %s";
// A million steps take the kernel seconds, and twice as long with its log.
const time = { timeout: 120_000 };

describe.skipIf(reason !== undefined).each(Object.entries(verdictRows))(title, time, (_, rows) => {
  it.each(rows.map((row) => [row.name, row] as const))("%s", (_, row) => {
    const refused = refusal(row);
    expect(refused === undefined, refused).toBe(row.accept);
  });
});
