import type { Server } from "node:http";
/** Listens on loopback; port 0 takes any. `objects`: folder of what is at /objects/. */
export function serve(options?: { readonly port?: number; readonly objects?: string }): Promise<Server>;
