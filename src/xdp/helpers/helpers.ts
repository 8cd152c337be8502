/** All helpers and kfuncs that one program on one thread may call, by the names under which compiled programs import them. */
import { basicHelpers } from "./basic.js";
import { bufferHelpers } from "./buffers.js";
import { checksumHelpers } from "./checksum.js";
import type { Helper, HelperEnv } from "./env.js";
import { fibHelpers } from "./fib.js";
import { mapHelpers } from "./map.js";
import { numberHelpers } from "./numbers.js";
import { packetHelpers } from "./packet.js";
import { printHelpers } from "./print.js";
import { redirectHelpers } from "./redirect.js";
import { syncookieHelpers } from "./syncookie.js";

/**
 * `helper_<id>` and `kfunc_<id>` as `jit/abi.ts` has them. Not among them, because they call back into the program or change it, and so are
 * the engine's own: tail_call, loop, for_each_map_elem.
 */
export function createHelpers(env: HelperEnv): Readonly<Record<string, Helper>> {
  return {
    ...basicHelpers(env),
    ...packetHelpers(env),
    ...numberHelpers(env),
    ...mapHelpers(env),
    ...redirectHelpers(env),
    ...checksumHelpers(env),
    ...fibHelpers(env),
    ...printHelpers(env),
    ...bufferHelpers(env),
    ...syncookieHelpers(env),
  };
}
