/** Codecs without state: a view over bytes in place for the hot path, a value with parse and encode for control messages. */

export * as l2tp2 from "./l2tp2.js";
export * from "./l2tp2-avp.js";
export { type CauseCode, longestValue, type ResultCode } from "./l2tp2-avp-value.js";
export * from "./l2tp2-encode.js";
export * from "./l2tp2-message.js";
export * from "./l2tp2-parse.js";
export * from "./l2tp2-result.js";
export * from "./malformed.js";
