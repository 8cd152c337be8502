/** All rows, by what they are about. */
import { functionRows, helperRows, referenceRows, tailCallRows } from "./call.js";
import { controlRows, registerRows } from "./control.js";
import { classRows } from "./cve-classes.js";
import { contextRows, mapRows, stackRows } from "./memory.js";
import { packetRows } from "./packet.js";
import { pointerRows } from "./pointer.js";
import { pruningRows } from "./pruning.js";
import type { VerdictRow } from "./row.js";
import { callbackRows, lockRows } from "./typed.js";

export const verdictRows: Readonly<Record<string, readonly VerdictRow[]>> = {
  control: controlRows,
  registers: registerRows,
  stack: stackRows,
  context: contextRows,
  maps: mapRows,
  packets: packetRows,
  pointers: pointerRows,
  helpers: helperRows,
  functions: functionRows,
  "tail calls": tailCallRows,
  references: referenceRows,
  callbacks: callbackRows,
  "spin locks": lockRows,
  pruning: pruningRows,
  ...classRows,
};
