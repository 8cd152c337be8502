/** L2TPv2 control plane (RFC 2661), sans-IO: one endpoint keeps all control connections of a host and the calls in them. */
export { type CallState, callTransitions } from "./call-states.js";
export { type ControlState, controlTransitions } from "./control-connection.js";
export { callIdOf, sessionIdOf, tunnelIdOf } from "./core.js";
export { createEndpoint, restoreEndpoint } from "./endpoint.js";
export { defaultLimits } from "./limits.js";
export type { EndpointState } from "./state.js";
export * from "./types.js";
