/** RADIUS on real sockets: the client, and the server for CoA and Disconnect. */
export { createRadiusDriver, type RadiusDriver, type RadiusDriverOptions, type RadiusResult } from "./driver.js";
export { createDynamicDriver, type DynamicDriver, type DynamicDriverOptions } from "./dynamic.js";
export { type OpenSocket, openDgram, type RadiusSocket, type SocketEvents } from "./socket.js";
