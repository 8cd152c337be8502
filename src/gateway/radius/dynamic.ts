/** Runs the server for CoA and Disconnect: its socket, and the handler that is asked. */
import { createDynamicServer, type DynamicOptions } from "../../radius/dynamic.js";
import { errorCause } from "../../radius/error-cause.js";
import type { DynamicAnswer, DynamicRequest, DynamicServer } from "../../radius/types.js";
import type { Clock } from "../clock.js";
import { createCounts } from "../counts.js";
import type { Log } from "../log.js";
import { createPump } from "./pump.js";
import { type OpenSocket, openDgram } from "./socket.js";

export interface DynamicDriverOptions extends DynamicOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** ADDRESS:PORT. */
  readonly listen: string;
  readonly clients: Parameters<DynamicServer["configure"]>[0];
  readonly handler: (request: DynamicRequest) => DynamicAnswer | Promise<DynamicAnswer>;
  readonly openSocket?: OpenSocket;
}

export interface DynamicDriver {
  configure(clients: DynamicDriverOptions["clients"]): void;
  /** What it listens on, as soon as it does. */
  local(): string | undefined;
  drops(): Readonly<Record<string, number>>;
  stop(): void;
}

/** A socket that cannot be opened is logged and tried again after so many milliseconds. */
const retryAfter = 5000;

export function createDynamicDriver(options: DynamicDriverOptions): DynamicDriver {
  const { clock, log, listen, handler, openSocket = openDgram } = options;
  const server = createDynamicServer(options);
  server.configure(options.clients);
  const counts = createCounts();
  let calledOff: (() => void) | undefined;

  const open = () =>
    openSocket(listen, {
      message(remote, bytes) {
        server.handle({ remote, bytes }, clock.now());
        pump.pump();
      },
      error(problem, fatal) {
        counts.add(`socket: ${"code" in problem ? problem.code : problem.name}`);
        if (!fatal) return;
        log.error({ listen, problem: problem.message }, "cannot listen for CoA and Disconnect");
        socket = undefined;
        calledOff = clock.schedule(clock.now() + retryAfter, () => {
          if (!pump.stopped) socket = open();
        });
      },
    });

  const ask = async (id: number, request: DynamicRequest): Promise<void> => {
    let answer: DynamicAnswer;
    try {
      answer = await handler(request);
    } catch (error) {
      log.error({ client: request.client, error }, `${request.kind} request failed`);
      answer = { ok: false, errorCause: errorCause.resourcesUnavailable };
    }
    server.answer(id, answer, clock.now());
    pump.pump();
  };

  const pump = createPump(clock, server, (output) => {
    if (output.type === "send") socket?.send(output.remote, output.bytes);
    else void ask(output.id, output.request);
  });
  let socket: ReturnType<OpenSocket> | undefined = open();

  return {
    configure: (clients) => server.configure(clients),
    local: () => socket?.local(),
    drops: () => ({ ...server.drops(), ...counts.values() }),
    stop() {
      if (pump.stopped) return;
      pump.stop();
      calledOff?.();
      socket?.close();
    },
  };
}
