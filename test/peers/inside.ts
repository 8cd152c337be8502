import { enterNetworkNamespace } from "../../src/system/index.js";
import type { Namespace } from "./netns.js";

/**
 * Runs `open` on this thread inside a namespace and comes back: what it opens (sockets, TUN interfaces) stays there. Must not
 * await: everything else that this thread does meanwhile would happen inside too.
 */
export function inside<T>(space: Namespace, open: () => T): T {
  enterNetworkNamespace(space.name);
  try {
    return open();
  } finally {
    // The process that started us has never left.
    enterNetworkNamespace(`/proc/${process.ppid}/ns/net`);
  }
}
