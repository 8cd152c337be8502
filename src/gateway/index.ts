export { type Clock, realClock } from "./clock.js";
export {
  type Config,
  ConfigError,
  configSchema,
  type LoadedConfig,
  loadConfig,
  type Problem,
  parseConfig,
  Secret,
} from "./config.js";
export { createGateway, type GatewayOptions } from "./gateway.js";
export { type Log, silentLog } from "./log.js";
export type {
  CallingGateway,
  ChannelView,
  Gateway,
  GatewayEvent,
  Page,
  PlacedCall,
  SessionFacts,
  SessionView,
  TunnelFacts,
  TunnelView,
} from "./types.js";
