// npm run bench -- NAME [--quick] [--json]: sets the checkout up and runs bench/NAME.ts as built JavaScript.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { build, installPackages, root } from "./setup.mjs";

const [name, ...rest] = process.argv.slice(2);
const benches = readdirSync(join(root, "bench"))
  .filter((file) => file.endsWith(".bench.mjs"))
  .map((file) => file.slice(0, -".bench.mjs".length));
if (name === undefined || !existsSync(join(root, "bench", `${name}.bench.mjs`))) {
  console.error(`usage: npm run bench -- NAME [--quick] [--json]\n  NAME: ${benches.join(", ")}`);
  process.exit(1);
}
installPackages();
build();
const { status } = spawnSync(process.execPath, [join(root, "bench", `${name}.bench.mjs`), ...rest], {
  stdio: "inherit",
});
process.exit(status ?? 1);
