/** What systemd is told (sd_notify(3)): that the daemon is ready, reads its configuration again, stops, and is alive (WatchdogSec). */
import { ffiMissing, sendUnixDatagram } from "../system/index.js";

export interface Notify {
  ready(): void;
  reloading(): void;
  stopping(): void;
}

const silent: Notify = { ready() {}, reloading() {}, stopping() {} };

/**
 * By what the service manager has put into the environment; silent where it has put nothing. `failed` hears of the first message that
 * could not be sent.
 */
export function createNotify(environment: NodeJS.ProcessEnv, failed: (problem: string) => void): Notify {
  const { NOTIFY_SOCKET: socket = "", WATCHDOG_USEC: interval, WATCHDOG_PID: watched } = environment;
  if (socket === "") return silent;
  const missing = ffiMissing();
  if (missing !== undefined) {
    failed(missing);
    return silent;
  }
  let told = false;
  const send = (text: string): void => {
    try {
      sendUnixDatagram(socket, text);
    } catch (error) {
      if (!told) failed(error instanceof Error ? error.message : String(error));
      told = true;
    }
  };
  const microseconds = watched === undefined || Number(watched) === process.pid ? Number(interval ?? 0) : 0;
  // Twice in the time that it may take, as sd_watchdog_enabled(3) has it; until the process ends, as a stop takes its time.
  if (microseconds > 0) setInterval(() => send("WATCHDOG=1"), microseconds / 2000).unref();
  return {
    ready: () => send("READY=1"),
    // Type=notify-reload wants to know since when.
    reloading: () => send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => send("STOPPING=1"),
  };
}
