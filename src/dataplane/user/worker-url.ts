/**
 * Where a worker thread's program is. Threads run compiled JavaScript: under a test runner that loads TypeScript from src/,
 * the same module in dist/, which `npm run build` makes.
 */
export function compiledUrl(module: string, from: string): URL {
  const url = new URL(module, from);
  if (from.endsWith(".ts")) url.pathname = url.pathname.replace(/\/src\/(?!.*\/src\/)/, "/dist/");
  return url;
}
