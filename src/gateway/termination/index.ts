/** What the rest of the gateway needs of termination. */
export { takePacket } from "./device.js";
export { subscriberExpired } from "./expiry.js";
export { linkExpired, settle, takeFrame, terminate } from "./link.js";
export { takeBundled } from "./network.js";
export { configureTermination, hangUpCall, prepareTermination, stopTermination } from "./service.js";
export { memberGone } from "./subscriber.js";
export { createTermination, type Termination } from "./termination.js";
