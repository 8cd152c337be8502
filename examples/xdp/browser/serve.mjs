// Serves the page, the package's dist/ and objects over HTTP on loopback: browsers load no modules from files.
//
//   node serve.mjs [--port 8080] [--objects FOLDER]
//
// Objects of FOLDER (default: examples/xdp) are at /objects/…
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const page = "/examples/xdp/browser/";
const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".map": "application/json",
  ".o": "application/octet-stream",
};

/** The file that a path means; undefined: none that is served. */
function fileOf(path, objects) {
  const clean = normalize(decodeURIComponent(path));
  if (clean.includes("\0") || clean.split(sep).includes("..")) return undefined;
  if (clean.startsWith("/objects/") && clean.endsWith(".o")) return join(objects, clean.slice("/objects/".length));
  if (clean.startsWith(page)) return join(root, clean.endsWith("/") ? `${clean}index.html` : clean);
  return clean.startsWith("/dist/") ? join(root, clean) : undefined;
}

function answer(request, response, objects) {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  if (pathname === "/") return void response.writeHead(302, { location: page }).end();
  let file;
  try {
    file = fileOf(pathname, objects);
    if (file === undefined || !statSync(file).isFile()) throw new Error("no file");
  } catch {
    return void response.writeHead(404).end("not found\n");
  }
  response.writeHead(200, { "content-type": types[extname(file)] ?? "text/plain", "cache-control": "no-store" });
  createReadStream(file).pipe(response);
}

/** Listens on loopback; port 0 takes any. Resolves with the server. */
export function serve({ port = 0, objects = join(root, "examples/xdp") } = {}) {
  const server = createServer((request, response) => answer(request, response, objects));
  return new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const given = (name) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : undefined);
  const objects = given("--objects");
  const server = await serve({ port: Number(given("--port") ?? 8080), ...(objects !== undefined && { objects }) });
  console.log(`http://127.0.0.1:${server.address().port}/`);
}
