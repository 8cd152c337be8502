import { ffiMissing } from "../../src/system/index.js";
import { contractSuite } from "./dataplane-contract.js";
import { openOnLoopback } from "./rigs.js";
import { unitsSuite } from "./units-contract.js";

unitsSuite("node:dgram on loopback, no workers", () => openOnLoopback(0, false));
contractSuite("node:dgram on loopback, no workers", () => openOnLoopback(0, false));
if (ffiMissing() === undefined) {
  contractSuite("one worker on loopback, segmentation", () => openOnLoopback(1, true));
  contractSuite("one worker on loopback, no segmentation", () => openOnLoopback(1, false));
  unitsSuite("one worker on loopback, segmentation", () => openOnLoopback(1, true));
  unitsSuite("two workers on loopback", () => openOnLoopback(2, true));
  contractSuite("two workers on loopback", () => openOnLoopback(2, true));
} else console.warn(`skipped: engines with workers: ${ffiMissing()}`);
