import { expect, test } from "vitest";
import { Secret } from "../gateway/config.js";
import { createLog } from "./log.js";

function logged(write: (log: ReturnType<typeof createLog>["logger"]) => void): string {
  let text = "";
  write(
    createLog("info", {
      write(line) {
        text += line;
      },
    }).logger,
  );
  return text;
}

test("a line is JSON with a time, a level in words, and what it is about", () => {
  const line = JSON.parse(logged((log) => log.warn({ tunnel: 7 }, "tunnel down")));
  expect(line).toMatchObject({ level: "warn", pid: process.pid, tunnel: 7, msg: "tunnel down" });
  expect(new Date(line.time).toISOString()).toBe(line.time);
});

test("what a peer proves itself with is in no line, however deep it comes", () => {
  const bytes = new TextEncoder().encode("hunter2");
  const text = logged((log) => {
    log.info({ secret: "hunter2", tunnel: { password: "hunter2", settings: { secret: "hunter2" } } }, "a");
    log.info({ avps: { proxyAuthenResponse: bytes, challengeResponse: "hunter2" } }, "b");
    log.info({ config: { secret: new Secret(bytes), other: new Secret(bytes) } }, "c");
    log.info({ headers: { authorization: "Bearer hunter2" } }, "d");
  });
  expect(text.split("\n")).toHaveLength(5);
  expect(text).not.toContain("hunter2");
  expect(text).not.toContain(`"0":${bytes[0]}`);
});
