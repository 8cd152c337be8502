/** Runs the RADIUS client: sockets and the clock around the machine, and a callback for each request. */
import { type ClientOptions, createRadiusClient } from "../../radius/client.js";
import type { RadiusOutput, RadiusRequest, RadiusServer, ServerStatus } from "../../radius/types.js";
import type { Clock } from "../clock.js";
import { createCounts } from "../counts.js";
import type { Log } from "../log.js";
import { createPump } from "./pump.js";
import { type OpenSocket, openBatched, type RadiusSocket } from "./socket.js";

export interface RadiusDriverOptions extends ClientOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Addresses that requests are sent from; by default the system's choice. */
  readonly source?: { readonly ipv4?: string | undefined; readonly ipv6?: string | undefined } | undefined;
  readonly openSocket?: OpenSocket;
}

export type RadiusResult = Extract<RadiusOutput, { readonly type: "answer" | "failed" }>;

export interface RadiusDriver {
  /** Calls back once, and not before it returns. Answers how to call it off; the callback is not called then. */
  ask(request: Omit<RadiusRequest, "id">, done: (result: RadiusResult) => void): () => void;
  /** Best first. What is under way at servers that are gone is asked of others. */
  configure(servers: readonly RadiusServer[]): void;
  status(): readonly ServerStatus[];
  /** Datagrams that were dropped and errors of sockets, by reason. */
  drops(): Readonly<Record<string, number>>;
  /** Requests that are under way. */
  readonly outstanding: number;
  /** Closes the sockets; what is under way fails. */
  stop(): void;
}

export function createRadiusDriver(options: RadiusDriverOptions): RadiusDriver {
  const { clock, log, source, openSocket = openBatched } = options;
  const client = createRadiusClient(options);
  const callbacks = new Map<number, (result: RadiusResult) => void>();
  const counts = createCounts();
  /** By number and family. */
  const sockets = new Map<string, RadiusSocket>();
  let lastId = 0;

  const socketFor = (number: number, remote: string): RadiusSocket => {
    const family = remote.startsWith("[") ? 6 : 4;
    const key = `${number} ${family}`;
    const open = sockets.get(key);
    if (open) return open;
    const local = family === 4 ? `${source?.ipv4 ?? "0.0.0.0"}:0` : `[${source?.ipv6 ?? "::"}]:0`;
    const socket = openSocket(local, {
      message(from, bytes) {
        client.handle({ socket: number, remote: from, bytes }, clock.now());
        pump.pump();
      },
      error(problem, fatal) {
        counts.add(`socket: ${"code" in problem ? problem.code : problem.name}`);
        if (!fatal) return;
        sockets.delete(key);
        log.warn({ local, problem: problem.message }, "RADIUS socket");
      },
    });
    sockets.set(key, socket);
    return socket;
  };

  const finish = (result: RadiusResult): void => {
    const done = callbacks.get(result.id);
    callbacks.delete(result.id);
    done?.(result);
  };

  const pump = createPump(clock, client, (output) => {
    if (output.type === "send") {
      socketFor(output.socket, output.remote).send(output.remote, output.bytes);
      return;
    }
    if (output.type !== "server-state") {
      finish(output);
      return;
    }
    const { server, service, alive } = output;
    if (alive) log.info({ server, service }, "RADIUS server answers again");
    else log.warn({ server, service }, "RADIUS server does not answer");
  });

  return {
    ask(request, done) {
      const id = ++lastId;
      callbacks.set(id, done);
      if (pump.stopped) queueMicrotask(() => finish({ type: "failed", id, reason: "stopped" }));
      else client.request({ id, ...request }, clock.now());
      pump.pump();
      return () => {
        if (callbacks.delete(id)) client.cancel(id);
      };
    },
    configure(servers) {
      client.configure(servers, clock.now());
      pump.pump();
    },
    status: () => client.status(),
    drops: () => ({ ...client.drops(), ...counts.values() }),
    get outstanding() {
      return callbacks.size;
    },
    stop() {
      if (pump.stopped) return;
      pump.stop();
      for (const socket of sockets.values()) socket.close();
      sockets.clear();
      for (const id of [...callbacks.keys()]) {
        client.cancel(id);
        finish({ type: "failed", id, reason: "stopped" });
      }
    },
  };
}
