// npm run docs: writes the reference documents from the build in dist/. With --check it writes nothing, names those that
// differ from what is committed, and exits with 1 if there is one.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { api } from "./docs/api.mjs";
import { cli } from "./docs/cli.mjs";
import { configuration } from "./docs/configuration.mjs";
import { dataplane } from "./docs/dataplane.mjs";
import { manPages } from "./docs/man.mjs";
import { xdp } from "./docs/xdp.mjs";
import { root } from "./setup.mjs";

const pages = Object.fromEntries(Object.entries(manPages()).map(([name, text]) => [`docs/man/${name}`, text]));
const files = {
  "docs/api.md": api(),
  "docs/cli.md": cli(),
  "docs/configuration.md": configuration(),
  "docs/dataplane.md": dataplane(),
  "docs/xdp-reference.md": xdp(),
  ...pages,
};

const read = (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : undefined);
const manDirectory = join(root, "docs/man");
const obsolete = (existsSync(manDirectory) ? readdirSync(manDirectory) : [])
  .map((name) => `docs/man/${name}`)
  .filter((path) => !(path in pages));
const differing = [...Object.keys(files).filter((path) => read(path) !== files[path]), ...obsolete];

if (process.argv.includes("--check")) {
  for (const path of differing) console.error(`${path} is not what the source says: npm run docs`);
  process.exitCode = differing.length === 0 ? 0 : 1;
} else {
  for (const path of obsolete) rmSync(join(root, path));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const path of differing) console.log(path);
}
