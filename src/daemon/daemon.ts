/** The daemon put together: configuration, data plane, gateway, API and metrics. */
import { randomBytes } from "node:crypto";
import { createApp } from "../api/app.js";
import { createEventHub } from "../api/events.js";
import { type ListenAddress, type Listener, listen } from "../api/listen.js";
import { createMetrics, createMetricsApp } from "../api/metrics.js";
import type { DaemonControl, Service } from "../api/service.js";
import type { Dataplane } from "../dataplane/contract.js";
import { openDataplane } from "../dataplane/index.js";
import { DataplaneError } from "../errors.js";
import { type ApiAddress, type Config, type LoadedConfig, loadConfig } from "../gateway/config.js";
import { createGateway, realClock } from "../gateway/index.js";
import type { CallingGateway, Gateway } from "../gateway/types.js";
import { version } from "../version.js";
import { keepHeapSmall } from "./heap.js";
import type { Log } from "./log.js";
import type { Notify } from "./notify.js";
import { pooled } from "./random-pool.js";

export interface Daemon {
  /** How long a stop may take, milliseconds, by the configuration in force. */
  readonly grace: number;
  /** Reads the configuration again. Rejects with a JunctorError when it is bad; the old one then stays in force. */
  reload(): Promise<readonly string[]>;
  /** Ends every tunnel (StopCCN), waits for the peers at most as long as the configuration says, and closes everything. */
  stop(): Promise<void>;
}

/** Time for answers in progress when the daemon stops, milliseconds. */
const answerGrace = 500;

/** Starts everything, or nothing: rejects with a JunctorError that says what could not be had. */
export async function startDaemon(loaded: LoadedConfig, log: Log, notify: Notify): Promise<Daemon> {
  const { logger } = log;
  let { config } = loaded;
  const undo: (() => Promise<void>)[] = [];
  try {
    const plane = await openPlane(config.workers, log);
    undo.push(() => plane.close());
    const heap = keepHeapSmall();
    undo.push(async () => heap.stop());
    const gateway = createGateway({ plane, config, log: logger, clock: realClock, random: pooled(randomBytes) });
    const control = createControl(gateway, loaded, log, notify, (next) => {
      config = next;
    });
    const listeners = await serve(config, gateway, plane, control, log, undo);
    await gateway.start();
    logger.info({ version, config: config.file, listeners }, "ready");
    notify.ready();
    return {
      get grace() {
        return config.grace;
      },
      reload: control.reload,
      async stop() {
        notify.stopping();
        await gateway.stop(config.grace);
        await unwind(undo);
      },
    };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

/** Where system calls cannot be made there are no data workers: frames then go by node:dgram on this thread. */
async function openPlane(workers: number, { logger }: Log): Promise<Dataplane> {
  try {
    return await openDataplane({ engine: "user", workers });
  } catch (error) {
    if (!(error instanceof DataplaneError) || error.code !== "EOPNOTSUPP") throw error;
    logger.warn({ reason: error.message }, "no data workers here: frames go by node:dgram, slowly");
    return openDataplane({ engine: "user", workers: 0 });
  }
}

/** The last thing done is the first undone. */
async function unwind(undo: (() => Promise<void>)[]): Promise<void> {
  for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
}

interface Control extends DaemonControl {
  readonly failedReloads: number;
}

function createControl(
  gateway: Gateway,
  first: LoadedConfig,
  log: Log,
  notify: Notify,
  onConfig: (config: Config) => void,
): Control {
  const { logger } = log;
  const configuration = { file: first.config.file, loaded: Date.now(), error: undefined as string | undefined };
  let current = first.config;
  let failedReloads = 0;
  let queue: Promise<unknown> = Promise.resolve();

  const reload = async (): Promise<readonly string[]> => {
    notify.reloading();
    try {
      const { config, warnings } = loadConfig(current.file);
      for (const { message, path, line } of warnings) logger.warn({ path, line }, message);
      const changes = await gateway.reload(config);
      logger.level = config.log.level;
      current = config;
      onConfig(config);
      Object.assign(configuration, { loaded: Date.now(), error: undefined });
      logger.info({ changes }, "configuration reloaded");
      return changes;
    } catch (error) {
      failedReloads += 1;
      configuration.error = error instanceof Error ? error.message : String(error);
      logger.error({ error: configuration.error }, "configuration refused; the old one stays in force");
      throw error;
    } finally {
      notify.ready();
    }
  };

  return {
    version,
    since: Date.now(),
    configuration,
    /** One after the other: each compares with what the one before left. */
    reload() {
      const next = queue.then(reload);
      queue = next.catch(() => {});
      return next;
    },
    get failedReloads() {
      return failedReloads;
    },
  };
}

async function serve(
  config: Config,
  gateway: CallingGateway,
  plane: Dataplane,
  control: Control,
  log: Log,
  undo: (() => Promise<void>)[],
): Promise<readonly string[]> {
  const events = createEventHub(gateway.events());
  undo.push(async () => events.close());
  const service: Service = { gateway, channels: plane.channel, plane, events, daemon: control };
  const open = async (app: Parameters<typeof listen>[0], address: ListenAddress): Promise<string> => {
    const listener: Listener = await listen(app, address);
    undo.push(() => listener.close(answerGrace));
    return listener.address;
  };
  const onError = (error: unknown, request: string): void => log.logger.error({ err: error, request }, "API");
  const api = createApp(service, { token: config.listen.token?.reveal(), onError });
  const listeners = [await open(api, apiAddress(config.listen.api))];
  if (config.listen.metrics !== undefined) {
    const failedReloads = (): number => control.failedReloads;
    const registry = createMetrics({ gateway, plane, events, version, failedReloads });
    listeners.push(await open(createMetricsApp(registry, gateway), config.listen.metrics));
  }
  return listeners;
}

const apiAddress = (address: ApiAddress): ListenAddress =>
  address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
