import { createFanout, type Fanout } from "../../fanout.js";
import type { DataplaneEvent } from "../contract.js";

export type EventStream = Fanout<DataplaneEvent>;

/** Events that a subscriber may be behind: ending every session of a large engine at once makes some hundred thousand. */
const limit = 1 << 18;

/** Each subscriber sees every event from its subscription on, in order, at its own pace, or is told how many it lost. */
export const createEventStream = (): EventStream =>
  createFanout<DataplaneEvent>(limit, (count) => ({ type: "lost", count }));
