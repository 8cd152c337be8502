import { ffiMissing } from "../../src/system/index.js";
import { cannotCompile } from "../xdp/compile.js";
import { hooksSuite } from "./hooks-contract.js";
import { openInline, openOnLoopback } from "./rigs.js";

const missing = cannotCompile();
if (missing === undefined) {
  hooksSuite("inline on a virtual network", openInline);
  hooksSuite("node:dgram on loopback, no workers", () => openOnLoopback(0, false));
  if (ffiMissing() === undefined) {
    hooksSuite("one worker on loopback, segmentation", () => openOnLoopback(1, true));
    hooksSuite("one worker on loopback, no segmentation", () => openOnLoopback(1, false));
    hooksSuite("two workers on loopback", () => openOnLoopback(2, true));
  } else console.warn(`skipped: engines with workers: ${ffiMissing()}`);
} else console.warn(`skipped: programs on devices: ${missing}`);
