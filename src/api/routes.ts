/** Every request that the API answers; the first that fits is taken, in the order of the OpenAPI document. Events and health are in `app.ts`. */
import type { Route } from "./route.js";
import { channelRoutes } from "./routes/channels.js";
import { daemonRoutes } from "./routes/daemon.js";
import { mapRoutes } from "./routes/maps.js";
import { pppRoutes } from "./routes/ppp.js";
import { xdpRoutes } from "./routes/programs.js";
import { sessionRoutes } from "./routes/sessions.js";
import { tunnelRoutes } from "./routes/tunnels.js";

export const routes: readonly Route[] = [
  ...tunnelRoutes,
  ...pppRoutes,
  ...sessionRoutes,
  ...channelRoutes,
  ...xdpRoutes,
  ...mapRoutes,
  ...daemonRoutes,
];
