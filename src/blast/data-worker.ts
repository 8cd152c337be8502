/** Entry of the data thread. */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { nameThread } from "../system/index.js";
import { type Command, type DataStart, runDataLoop } from "./data-loop.js";

const port = parentPort!;
nameThread("blast-data");
runDataLoop(workerData as DataStart, {
  command: () => receiveMessageOnPort(port)?.message as Command | undefined,
  post: (letters) => port.postMessage(letters, [letters]),
  changed: (sessions) => port.postMessage(sessions),
});
