/** `junctor run`: the daemon as a process, with its signals and exit codes. */
import { constants } from "node:os";
import { DataplaneError, JunctorError } from "../errors.js";
import { ConfigError, type LoadedConfig, loadConfig } from "../gateway/config.js";
import { type Daemon, startDaemon } from "./daemon.js";
import { createLog, type Log } from "./log.js";
import { createNotify } from "./notify.js";

/** The command line's exit codes, which `cli/exit.ts` explains. */
const exit = { ok: 0, usage: 1, refused: 2, permission: 77 } as const;

/** Beyond the configuration's grace, for what should take no time. */
const stopSlack = 5000;

/** Runs until a signal ends it; answers the exit code. */
export async function run(file: string): Promise<number> {
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return exit.usage;
  }
  const log = createLog(loaded.config.log.level);
  for (const { message, path, line } of loaded.warnings) log.logger.warn({ path, line }, message);
  process.on("uncaughtException", (err) => {
    // Nothing is known of the state any more: whoever supervises starts afresh.
    log.logger.fatal({ err }, "mistake in the daemon");
    log.flush();
    process.exit(exit.refused);
  });
  const ended = untilStopped(log);
  try {
    const failed = (problem: string): void => log.logger.warn({ problem }, "cannot tell the service manager anything");
    const daemon = await startDaemon(loaded, log, createNotify(process.env, failed));
    return await ended.by(daemon);
  } catch (error) {
    if (!(error instanceof JunctorError)) throw error;
    const verifier = error instanceof DataplaneError ? error.log : undefined;
    log.logger.fatal({ code: error.code, ...(verifier !== undefined && { log: verifier }) }, error.message);
    const permission = (error.code === "EACCES" && verifier === undefined) || error.code === "EPERM";
    return permission ? exit.permission : exit.refused;
  } finally {
    log.flush();
  }
}

/** Signals count from the start: one that comes while the daemon starts stops it as soon as it can be stopped. */
function untilStopped({ logger, flush }: Log): { by(daemon: Daemon): Promise<number> } {
  let stopping: ((signal: NodeJS.Signals) => void) | undefined;
  let early: NodeJS.Signals | undefined;
  let reload = (): void => {};

  const quit = (code: number): never => {
    flush();
    process.exit(code);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (early !== undefined) {
      logger.warn({ signal }, "stopping at once");
      quit(128 + constants.signals[signal]);
    }
    early = signal;
    stopping?.(signal);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  process.on("SIGHUP", () => reload());

  return {
    async by(daemon) {
      reload = () => void daemon.reload().catch(() => {});
      const signal = await new Promise<NodeJS.Signals>((resolve) => {
        stopping = resolve;
        if (early !== undefined) resolve(early);
      });
      logger.info({ signal }, "stopping");
      const limit = daemon.grace + stopSlack;
      const timer = setTimeout(() => {
        logger.error({ limit }, "stopping took too long");
        quit(exit.refused);
      }, limit);
      await daemon.stop();
      clearTimeout(timer);
      logger.info({}, "stopped");
      return exit.ok;
    },
  };
}
