import { afterEach, expect, test } from "vitest";
import { errorCause } from "../../radius/error-cause.js";
import { encodeRadius, parseRadius, radiusCode } from "../../wire/radius.js";
import { signRequest } from "../../wire/radius-authenticator.js";
import { attributesOf, firstOf } from "../../wire/radius-values.js";
import { type Clock, realClock } from "../clock.js";
import { silentLog } from "../log.js";
import { createDynamicDriver, type DynamicDriver, type DynamicDriverOptions } from "./dynamic.js";
import { openDgram, type RadiusSocket } from "./socket.js";

const secret = Uint8Array.from(Buffer.from("secret"));
const toStop: { stop(): void }[] = [];
afterEach(() => {
  for (const each of toStop.splice(0)) each.stop();
});

const until = async (done: () => boolean): Promise<void> => {
  for (let i = 0; i < 500 && !done(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(done()).toBe(true);
};

function listen(more: Partial<DynamicDriverOptions> = {}): DynamicDriver {
  const driver = createDynamicDriver({
    clock: realClock,
    log: silentLog,
    listen: "127.0.0.1:0",
    clients: [{ address: "127.0.0.1", secret }],
    handler: () => ({ ok: true }),
    ...more,
  });
  toStop.push(driver);
  return driver;
}

/** Sends a CoA-Request and gives the answer's code and Error-Cause. */
async function ask(to: string, from = "127.0.0.1:0"): Promise<readonly [number, number | undefined]> {
  const answers: Uint8Array[] = [];
  const socket: RadiusSocket = openDgram(from, {
    message: (_, bytes) => void answers.push(bytes),
    error: (problem) => {
      throw problem;
    },
  });
  toStop.push({ stop: () => socket.close() });
  const bytes = encodeRadius({
    code: radiusCode.coaRequest,
    identifier: 1,
    authenticator: new Uint8Array(16),
    attributes: attributesOf({ "Acct-Session-Id": "s" }),
  }) as Uint8Array;
  signRequest(bytes, secret);
  socket.send(to, bytes);
  await until(() => answers.length > 0);
  const packet = parseRadius(answers[0]!);
  if ("malformed" in packet) throw new Error(packet.reason);
  return [packet.code, firstOf(packet.attributes, "Error-Cause")];
}

test("a handler that fails refuses", async () => {
  const driver = listen({ handler: () => Promise.reject(new Error("no")) });
  await until(() => driver.local() !== undefined);
  expect(await ask(driver.local()!)).toEqual([radiusCode.coaNak, errorCause.resourcesUnavailable]);
});

test("a socket for IPv6 answers those who come by IPv4", async () => {
  const driver = listen({ listen: "[::]:0" });
  await until(() => driver.local() !== undefined);
  const port = driver.local()!.replace("[::]:", "");
  expect(await ask(`127.0.0.1:${port}`)).toEqual([radiusCode.coaAck, undefined]);
});

test("a port that is taken is tried again", async () => {
  const alarms: (() => void)[] = [];
  const clock: Clock = {
    now: realClock.now,
    schedule: (_, wake) => {
      alarms.push(wake);
      return () => {};
    },
  };
  const first = listen();
  await until(() => first.local() !== undefined);
  const second = listen({ listen: first.local()!, clock });
  await until(() => alarms.length === 1);
  expect(second.drops()).toEqual({ "socket: EADDRINUSE": 1 });
  first.stop();
  alarms[0]!();
  await until(() => second.local() !== undefined);
  expect(await ask(second.local()!)).toEqual([radiusCode.coaAck, undefined]);
});
