import { describe, expect, test } from "vitest";
import { randomBytes } from "../../../test/sim/l2tp-network.js";
import { answer, createFakeServer } from "../../../test/sim/radius-server.js";
import type { RadiusServer } from "../../radius/types.js";
import { seededNumbers } from "../../random.js";
import { radiusCode } from "../../wire/radius.js";
import { attributesOf } from "../../wire/radius-values.js";
import type { Clock } from "../clock.js";
import { silentLog } from "../log.js";
import { createRadiusDriver, type RadiusResult } from "./driver.js";
import type { OpenSocket, SocketEvents } from "./socket.js";

const secret = Uint8Array.from(Buffer.from("secret"));
const server: RadiusServer = {
  name: "a",
  authentication: "192.0.2.1:1812",
  accounting: undefined,
  secret,
  timeout: 1000,
  tries: 2,
  deadTime: 1000,
};
const request = { service: "authentication", attributes: attributesOf({ "User-Name": "bob" }) } as const;
const settled = () => new Promise((resolve) => setImmediate(resolve));

function scene() {
  let now = 0;
  const alarms = new Set<{ at: number; wake: () => void }>();
  const clock: Clock = {
    now: () => now,
    schedule(at, wake) {
      const alarm = { at, wake };
      alarms.add(alarm);
      return () => void alarms.delete(alarm);
    },
  };
  const opened: { local: string; events: SocketEvents; sent: Uint8Array[]; closed: boolean }[] = [];
  const openSocket: OpenSocket = (local, events) => {
    const socket = { local, events, sent: [] as Uint8Array[], closed: false };
    opened.push(socket);
    return {
      send: (_, bytes) => void socket.sent.push(bytes),
      close() {
        socket.closed = true;
      },
      local: () => local,
    };
  };
  const driver = createRadiusDriver({
    clock,
    openSocket,
    log: silentLog,
    random: randomBytes(seededNumbers(5)),
    source: { ipv4: "192.0.2.9" },
  });
  driver.configure([server]);
  return {
    driver,
    opened,
    alarms,
    async pass(time: number) {
      now += time;
      for (const alarm of [...alarms]) if (alarm.at <= now && alarms.delete(alarm)) alarm.wake();
      await settled();
    },
  };
}

describe("the driver", () => {
  test("opens a socket when it is needed, and calls back after it has returned", async () => {
    const { driver, opened } = scene();
    const results: RadiusResult[] = [];
    driver.ask(request, (result) => results.push(result));
    expect(opened).toEqual([]);
    await settled();
    expect(opened.map(({ local }) => local)).toEqual(["192.0.2.9:0"]);
    const judge = createFakeServer(secret, () => ({ code: radiusCode.accessAccept, attributes: [] }));
    const [socket] = opened;
    socket!.events.message("192.0.2.1:1812", judge(socket!.sent[0]!)!);
    expect(results).toEqual([]);
    await settled();
    expect(results).toMatchObject([{ type: "answer", code: "accept" }]);
    expect(driver.outstanding).toBe(0);
  });

  test("wakes the machine, and opens a socket that was lost again", async () => {
    const { driver, opened, pass } = scene();
    const results: RadiusResult[] = [];
    driver.ask(request, (result) => results.push(result));
    await settled();
    opened[0]!.events.error(new Error("gone"), true);
    await pass(1200);
    expect(opened.map(({ sent }) => sent.length)).toEqual([1, 1]);
    await pass(2300);
    expect(results).toMatchObject([{ type: "failed", reason: "no answer from a" }]);
    expect(driver.drops()).toEqual({ "socket: Error": 1 });
  });

  test("does not call back for what was called off", async () => {
    const { driver, opened } = scene();
    const results: RadiusResult[] = [];
    const callOff = driver.ask(request, (result) => results.push(result));
    await settled();
    callOff();
    const [socket] = opened;
    const late = answer(socket!.sent[0]!, { code: radiusCode.accessAccept, attributes: [] }, secret);
    socket!.events.message("192.0.2.1:1812", late);
    await settled();
    expect(results).toEqual([]);
    expect(driver.drops()).toEqual({ unexpected: 1 });
  });

  test("that is stopped closes its sockets, and what is under way fails, as does what comes later", async () => {
    const { driver, opened, alarms } = scene();
    const results: RadiusResult[] = [];
    driver.ask(request, (result) => results.push(result));
    await settled();
    driver.stop();
    driver.ask(request, (result) => results.push(result));
    await settled();
    expect(results).toMatchObject([
      { type: "failed", reason: "stopped" },
      { type: "failed", reason: "stopped" },
    ]);
    expect(opened.map(({ closed }) => closed)).toEqual([true]);
    expect(alarms.size).toBe(0);
  });
});
