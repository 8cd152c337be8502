// npm run demo: sets the checkout up and starts the demo. Needs Node alone.
import { build, installPackages } from "./setup.mjs";

installPackages();
build();
await import("../dist/demo/main.js");
