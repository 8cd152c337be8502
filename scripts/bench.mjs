// npm run bench -- NAME [--quick] [--json]: sets the checkout up, builds it together with bench/ and runs one benchmark.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { compile, installPackages, root } from "./setup.mjs";

const [name, ...rest] = process.argv.slice(2);
const names = readdirSync(join(root, "bench"))
  .filter((file) => file.endsWith(".bench.ts"))
  .map((file) => file.slice(0, -".bench.ts".length));
if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run bench -- NAME [--quick] [--json]\n  NAME: ${names.join(", ")}`);
  process.exit(1);
}
installPackages();
compile("tsconfig.bench.json", ".build");
const program = join(root, ".build", "bench", `${name}.bench.js`);
process.exit(spawnSync(process.execPath, [program, ...rest], { stdio: "inherit" }).status ?? 1);
