/** The configuration: what an operator writes (`config/schema.ts`), and what the gateway works with (`config/types.ts`). */
export { canonicalAddress, formatAddress, parsePrefixes, splitAddress } from "./config/address.js";
export { inOrder, type LoadedConfig, loadConfig, parseConfig } from "./config/load.js";
export { ConfigError, nearest, type Problem } from "./config/problems.js";
export { configSchema } from "./config/schema.js";
export { Secret } from "./config/secret.js";
export type * from "./config/types.js";
