export { openStore } from "./lmdb.js";
export type { Store, StoreEntry } from "./types.js";
