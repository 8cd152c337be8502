/** `npm run demo`: a gateway between simulated LACs, LNSs and subscribers, over real UDP sockets on this machine. */
import { demo } from "./demo.js";
import { demoOptions } from "./options.js";
import { interfaceMissing, runInside } from "./place.js";

const args = process.argv.slice(2);
const options = demoOptions(args);
if ("say" in options) {
  process.stdout.write(options.say);
  process.exitCode = options.exit;
} else {
  const missing = interfaceMissing();
  process.exitCode = missing === undefined ? await runInside(args) : await demo(options, missing);
}
