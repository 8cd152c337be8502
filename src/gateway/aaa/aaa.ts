/** AAA put together: RADIUS first, the local file where there is no RADIUS or none of it answers. */
import type { RandomBytes } from "../../ppp/types.js";
import type { DynamicAnswer, DynamicRequest } from "../../radius/types.js";
import type { Attribute } from "../../wire/radius.js";
import type { Clock } from "../clock.js";
import { formatProblem } from "../config/problems.js";
import { createCounts } from "../counts.js";
import type { Log } from "../log.js";
import {
  createDynamicDriver,
  createRadiusDriver,
  type DynamicDriver,
  type OpenSocket,
  type RadiusDriver,
} from "../radius/index.js";
import { openStore } from "../store/index.js";
import { createAccounting } from "./accounting.js";
import { answerDynamic } from "./change-attributes.js";
import { type ChapSecrets, parseChapSecrets } from "./chap-secrets.js";
import type { AaaConfig } from "./config.js";
import { authenticateLocally, continuesLocally } from "./local.js";
import { accessRequest, authenticationOf, continuesRemotely, refused } from "./remote.js";
import { nasAttributes } from "./request-attributes.js";
import type { Aaa, Authentication, AuthenticationRequest, DynamicHandler } from "./types.js";

export interface AaaOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly handler: DynamicHandler;
  /** Sockets for RADIUS; the system's by default. */
  readonly openSocket?: OpenSocket;
}

/** What the configuration says, ready for use. */
interface Settings {
  readonly config: AaaConfig;
  readonly users: ChapSecrets | undefined;
  readonly nas: readonly Attribute[];
  /** Whether there is a RADIUS server to ask who may dial in. */
  readonly remote: boolean;
  /** Whether there is one that takes accounting. */
  readonly accounted: boolean;
}

export async function createAaa(config: AaaConfig, options: AaaOptions): Promise<Aaa> {
  const { log, random } = options;
  const counts = createCounts();
  const radius = createRadiusDriver(options);
  let settings = settle(config, undefined, radius, log);

  // The store of the first configuration stays: what it has is to be delivered from there.
  const store = config.store === undefined ? undefined : await openStore(config.store);
  const accounting = createAccounting({
    ...options,
    counts,
    radius,
    store,
    nas: () => settings.nas,
    enabled: () => settings.accounted,
  });
  await accounting.begin();

  let dynamic: DynamicDriver | undefined;
  let listening: string | undefined;
  const listen = (): void => {
    const { dynamic: wanted } = settings.config;
    const clients = wanted?.clients.map(({ address, secret }) => ({ address, secret: secret.reveal() })) ?? [];
    if (wanted?.listen === listening) dynamic?.configure(clients);
    else {
      dynamic?.stop();
      dynamic = wanted && createDynamicDriver({ ...options, listen: wanted.listen, clients, handler: answer });
      listening = wanted?.listen;
    }
  };
  const answer = (request: DynamicRequest): DynamicAnswer => {
    const given = answerDynamic(request, settings.config, options.handler);
    counts.add(given.ok ? `${request.kind}-done` : `${request.kind}-refused-${given.errorCause}`);
    return given;
  };
  listen();

  const ignored = (names: readonly string[]): void => {
    for (const name of names) counts.add(`radius-ignored-${name.split(" ")[0]}`);
    log.warn({ attributes: names }, "attributes of a RADIUS answer make no sense here, and are ignored");
  };

  const locally = (request: AuthenticationRequest): Authentication => {
    const { users, config: current } = settings;
    return users === undefined
      ? refused("neither RADIUS nor local users are configured")
      : authenticateLocally(request, users, current.serverName, random);
  };

  const remotely = (request: AuthenticationRequest): Promise<Authentication> =>
    new Promise((resolve) => {
      const { nas, config: asked } = settings;
      radius.ask(accessRequest(request, nas), (result) => {
        if (result.type === "answer") resolve(authenticationOf(request, result, { filters: asked.filters, ignored }));
        else resolve(unanswered(request, result.reason));
      });
    });

  /** A conversation that has begun elsewhere cannot go on here. */
  const unanswered = (request: AuthenticationRequest, reason: string): Authentication => {
    counts.add("radius-unanswered");
    const { config: current, users } = settings;
    if (current.fallback === "none" || users === undefined || continuesRemotely(request)) {
      return refused(`RADIUS: ${reason}`);
    }
    counts.add("fallback-to-local");
    return locally(request);
  };

  return {
    async authenticate(request) {
      const answer = settings.remote && !continuesLocally(request) ? await remotely(request) : locally(request);
      counts.add(`authentication-${answer.verdict}`);
      return answer;
    },
    accounting,
    status: () => ({ servers: radius.status(), localUsers: settings.users?.size ?? 0, pending: accounting.pending }),
    statistics: () => ({
      ...counts.values(),
      ...prefixed("radius", radius.drops()),
      ...prefixed("dynamic", dynamic?.drops() ?? {}),
    }),
    configure(next) {
      settings = settle(next, settings, radius, log);
      accounting.configure();
      listen();
    },
    async stop(grace) {
      dynamic?.stop();
      await accounting.end(grace);
      radius.stop();
      await store?.close();
    },
  };
}

const prefixed = (prefix: string, values: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}/${name}`, value]));

function settle(config: AaaConfig, before: Settings | undefined, radius: RadiusDriver, log: Log): Settings {
  radius.configure(
    config.radius.map(({ secret, ...server }) => ({
      ...server,
      accounting: config.accounting ? server.accounting : undefined,
      secret: secret.reveal(),
    })),
  );
  const sameUsers = before !== undefined && before.config.local?.text === config.local?.text;
  return {
    config,
    users: sameUsers ? before.users : readUsers(config, log),
    nas: nasAttributes(config),
    remote: config.radius.some(({ authentication }) => authentication !== undefined),
    accounted: config.accounting && config.radius.some((server) => server.accounting !== undefined),
  };
}

/** A file of another kind is wrong in every line. */
const mostTold = 20;

function readUsers({ local }: AaaConfig, log: Log): ChapSecrets | undefined {
  if (local === undefined) return undefined;
  const { secrets, problems } = parseChapSecrets(local.text, local.file);
  for (const problem of problems.slice(0, mostTold)) log.warn({}, `user left out: ${formatProblem(problem)}`);
  if (problems.length > mostTold) log.warn({ file: local.file, lines: problems.length }, "more users left out");
  return secrets;
}
