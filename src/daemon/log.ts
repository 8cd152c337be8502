/** The daemon's log: JSON lines on standard error. */
import { type DestinationStream, destination, type Logger, pino } from "pino";

/** Never in a log, whoever passes them: what a peer proves itself with. Secrets of the configuration hide themselves. */
const secretNames = ["secret", "password", "token", "authorization", "proxyAuthenResponse", "challengeResponse"];

export interface Log {
  readonly logger: Logger;
  /** Writes out what is pending; before the process exits. */
  flush(): void;
}

/** Does not wait for a reader of standard error that is slow. */
export function createLog(level: string, stream?: DestinationStream): Log {
  const pending = stream === undefined ? destination({ dest: 2, sync: false }) : undefined;
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: "[secret]" },
    },
    stream ?? pending!,
  );
  return { logger, flush: () => pending?.flushSync() };
}
