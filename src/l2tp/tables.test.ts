import { describe, expect, test } from "vitest";
import { type CallEvent, type CallState, callTransitions } from "./call-states.js";
import { type ControlState, controlTransitions } from "./control-connection.js";

const tables = Object.entries(callTransitions).flatMap(([kind, roles]) =>
  Object.entries(roles).map(([role, table]) => ({ name: `${kind} ${role}`, kind, table })),
);

describe.each(tables)("calls, $name", ({ kind, table }) => {
  const states = Object.keys(table) as CallState[];

  test("every state leads to idle by CDN, if a message was sent, and by a local close", () => {
    for (const state of states) {
      expect(table[state]?.close?.[1], state).toBe("idle");
      if (state !== "wait-tunnel") expect(table[state]?.CDN).toEqual([["clean-up"], "idle"]);
    }
  });

  test("every way to idle cleans up, and nothing else does", () => {
    for (const state of states) {
      for (const [event, [actions, next]] of Object.entries(table[state]!)) {
        expect(actions.includes("clean-up"), `${state}, ${event}`).toBe(next === "idle");
      }
    }
  });

  test("an established call ends by any further set-up message of its kind", () => {
    const messages: CallEvent[] = kind === "incoming" ? ["ICRQ", "ICRP", "ICCN"] : ["OCRQ", "OCRP", "OCCN"];
    for (const message of messages) {
      expect(table.established?.[message]).toEqual([["send-CDN", "clean-up"], "idle"]);
    }
  });

  test("once a message was sent, every set-up message of its kind has an answer", () => {
    const messages: CallEvent[] = kind === "incoming" ? ["ICRQ", "ICRP", "ICCN"] : ["OCRQ", "OCRP", "OCCN"];
    for (const state of states) {
      if (state === "wait-tunnel" || state === "idle") continue;
      for (const message of messages) expect(table[state]?.[message], `${state}, ${message}`).toBeDefined();
    }
  });

  test("every state can be reached and is in the table", () => {
    const reached = new Set(states.flatMap((state) => Object.values(table[state]!).map(([, next]) => next)));
    for (const state of reached) expect(state === "idle" || states.includes(state), state).toBe(true);
    for (const state of states) expect(reached.has(state) || state === "wait-tunnel" || state === "idle").toBe(true);
  });
});

test("a control connection in any state ends by StopCCN and by a local close", () => {
  for (const state of Object.keys(controlTransitions) as ControlState[]) {
    expect(controlTransitions[state].StopCCN?.[1], state).toBe("closing");
    if (state !== "closing") expect(controlTransitions[state].close?.[0]).toContain("send-StopCCN");
  }
});
