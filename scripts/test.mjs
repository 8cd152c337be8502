// npm test: sets the checkout up, checks types and lint, then runs every test. `--long` widens the seeded runs.
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { build, installDebianPackages, installPackages, root } from "./setup.mjs";

const args = process.argv.slice(2);
const long = args.includes("--long");
const rest = args.filter((arg) => arg !== "--long");

installPackages();
installDebianPackages();
build();

const env = { ...process.env };
env.JUNCTOR_TEST_SEED ??= String(randomInt(2 ** 31));
if (long) env.JUNCTOR_TEST_LONG = "1";
console.log(`seed ${env.JUNCTOR_TEST_SEED} (repeat with JUNCTOR_TEST_SEED=${env.JUNCTOR_TEST_SEED})`);

const bin = (...path) => join(root, "node_modules", ...path);
const steps = [
  ["types", [bin("typescript", "bin", "tsc"), "--noEmit"]],
  ["lint", [bin("@biomejs", "biome", "bin", "biome"), "check", "--error-on-warnings", "."]],
  ["tests", [bin("vitest", "vitest.mjs"), "run", ...rest]],
];
for (const [name, command] of steps) {
  const { status } = spawnSync(process.execPath, command, { cwd: root, env, stdio: "inherit" });
  if (status !== 0) {
    console.error(`npm test: ${name} failed`);
    process.exit(status ?? 1);
  }
}
