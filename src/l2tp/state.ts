/** A stored endpoint: plain, structured-cloneable data. Filled in by `snapshot()`, read by `restoreEndpoint`. */
export interface EndpointState {
  readonly version: 1;
}
