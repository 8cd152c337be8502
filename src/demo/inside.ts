/** The demo in a network namespace of its own, where `main.ts` has started it. */
import { demo } from "./demo.js";
import { demoOptions } from "./options.js";
import { raiseLoopback } from "./place.js";

const options = demoOptions(process.argv.slice(2));
if ("say" in options) throw new Error(options.say);
await raiseLoopback();
process.exitCode = await demo(options, undefined);
if (process.connected) process.disconnect();
