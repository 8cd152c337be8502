/** RADIUS (RFC 2865, RFC 2866, RFC 5080, RFC 5176), sans-IO: a client of several servers, and a server for what they send unasked. */
export { type ClientOptions, createRadiusClient } from "./client.js";
export { createDynamicServer, type DynamicOptions } from "./dynamic.js";
export { errorCause } from "./error-cause.js";
export * from "./types.js";
