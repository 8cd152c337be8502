/** The RADIUS server of the benchmarks (`c/radius.c`): accepts who has the password, takes accounting. */
import { createInterface } from "node:readline";
import { compileC } from "./gcc.js";
import { fail } from "./report.js";
import { addresses, type Child, type Spaces } from "./spaces.js";

export const radiusSecret = "radius-secret";
export const password = "blast";

export interface RadiusCounts {
  readonly accepted: number;
  readonly rejected: number;
  readonly started: number;
  readonly stopped: number;
  readonly interim: number;
  readonly bad: number;
}

export interface Radius {
  /** What it has been asked since the last time. */
  counts(): Promise<RadiusCounts>;
}

export async function startRadius(spaces: Spaces, core: number): Promise<Radius> {
  const command = [compileC("radius"), addresses.radius, radiusSecret, password];
  const child: Child = spaces.spawn("lns", core, command);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== "ready") fail("the RADIUS server did not start");
  return {
    async counts() {
      child.stdin!.write("\n");
      const numbers = ((await lines.next()).value ?? "").split(" ").map(Number);
      const [accepted = 0, rejected = 0, started = 0, stopped = 0, interim = 0, bad = 0] = numbers;
      return { accepted, rejected, started, stopped, interim, bad };
    },
  };
}
