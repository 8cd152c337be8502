/** Addresses and prefixes of subscribers, and how their networks are told of them. */
export { advertise } from "./advertise.js";
export { answerIpv6 } from "./answer.js";
export { createPools } from "./pools.js";
export * from "./types.js";
