/** Programs by hand get the verdicts that the kernel gives them (test/host/xdp-kernel-verdicts.test.ts), but where a row says why not. */
import { describe, expect, it } from "vitest";
import { verdictRows } from "../../../test/xdp/verdicts/index.js";
import { programOf } from "../../../test/xdp/verdicts/row.js";
import { verify } from "./verify.js";

describe.each(Object.entries(verdictRows))("%s", (_, rows) => {
  it.each(rows.map((row) => [row.name, row] as const))("%s", (_, row) => {
    const verdict = verify(programOf(row));
    const wanted = row.ours?.accept ?? row.accept;
    expect(verdict.ok, verdict.ok ? "accepted" : verdict.summary).toBe(wanted);
    if (!verdict.ok && row.says !== undefined) expect(verdict.summary).toMatch(row.says);
  });
});
