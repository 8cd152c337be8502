/** Every object of the command line, in the order of the help. */
import { blastObject } from "./commands/blast.js";
import { channelObject } from "./commands/channel.js";
import { checkObject, drainObject, reloadObject, runObject, statusObject } from "./commands/daemon.js";
import { completionObject, helpObject } from "./commands/help.js";
import { monitorObject } from "./commands/monitor.js";
import { sessionObject } from "./commands/session.js";
import { topObject } from "./commands/top.js";
import { tunnelObject } from "./commands/tunnel.js";
import type { ObjectSpec } from "./grammar.js";

export const objects: readonly ObjectSpec[] = [
  runObject,
  checkObject,
  statusObject,
  tunnelObject,
  sessionObject,
  channelObject,
  monitorObject,
  topObject,
  drainObject,
  reloadObject,
  blastObject,
  completionObject,
  helpObject,
];
