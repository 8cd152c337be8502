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
export type { CallingGateway, Gateway, GatewayEvent, PlacedCall, SessionView, TunnelView } from "./types.js";
