/** Every object of the command line, in the order of the help. */
import { blastObject } from "./commands/blast.js";
import { channelObject } from "./commands/channel.js";
import { checkObject, drainObject, reloadObject, runObject, statusObject } from "./commands/daemon.js";
import { deviceObject } from "./commands/device.js";
import { completionObject, helpObject } from "./commands/help.js";
import { mapObject } from "./commands/map.js";
import { monitorObject } from "./commands/monitor.js";
import { poolObject, radiusObject, unitObject } from "./commands/ppp.js";
import { programObject } from "./commands/program.js";
import { sessionObject } from "./commands/session.js";
import { topObject } from "./commands/top.js";
import { tunnelObject } from "./commands/tunnel.js";
import { captureObject, traceObject } from "./commands/watch.js";
import type { ObjectSpec } from "./grammar.js";

export const objects: readonly ObjectSpec[] = [
  runObject,
  checkObject,
  statusObject,
  tunnelObject,
  sessionObject,
  unitObject,
  channelObject,
  programObject,
  mapObject,
  deviceObject,
  poolObject,
  radiusObject,
  monitorObject,
  traceObject,
  captureObject,
  topObject,
  drainObject,
  reloadObject,
  blastObject,
  completionObject,
  helpObject,
];
