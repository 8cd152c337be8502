import { configSchema } from "../../src/gateway/config.js";

/** Where the API is when the configuration does not say. */
export const apiDefault = (): string => configSchema.parse({}).listen.api;
