/**
 * The subscribers of the benchmark: dial OPTIONS, those of the load tool as a JSON object. Prints `up` when all are, and while they
 * are held up waits for a line on stdin; then has them hang up and prints the report, a JSON object.
 */
import { createInterface } from "node:readline";
import { runBlast } from "../../src/blast/index.js";

const controller = new AbortController();
const report = await runBlast(
  { ...JSON.parse(process.argv[2] ?? "{}"), ppp: true, traffic: false, hold: 1e6 },
  {
    signal: controller.signal,
    sessions() {
      console.log("up");
      createInterface({ input: process.stdin }).once("line", () => controller.abort());
    },
  },
);
console.log(JSON.stringify(report));
process.exit(0);
