import { describe, expect, it } from "vitest";
import { parseConfig } from "./config.js";
import { chooseLns, createLnsPool, holdDown, occupy, vacate } from "./onward.js";
import type { ForwardPlan, Lns, Tunnel } from "./records.js";

const pool = createLnsPool();

function planOf(forward: string, from = pool): ForwardPlan {
  const { config } = parseConfig(`policy: [{ forward: ${forward} }]`);
  const action = config.policy[0]?.action;
  if (action?.type !== "forward") throw new Error("no forward");
  return from.plan(action.forward);
}

/** How often each LNS is chosen, by its address, when every call stays. */
function distribute(plan: ForwardPlan, calls: number): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < calls; i++) {
    const lns = chooseLns(plan, [], 0);
    if (!lns) continue;
    lns.sessions++;
    counts[lns.address] = (counts[lns.address] ?? 0) + 1;
  }
  return counts;
}

describe("an LNS is chosen", () => {
  it("with the least sessions, by weight", () => {
    const plan = planOf("{ lns: [10.1.0.1, { address: 10.1.0.2, weight: 3 }] }");
    expect(distribute(plan, 100)).toEqual({ "10.1.0.1:1701": 25, "10.1.0.2:1701": 75 });
  });

  it("in turn, by weight", () => {
    const plan = planOf("{ balance: round-robin, lns: [10.2.0.1, { address: 10.2.0.2, weight: 2 }] }");
    const order = Array.from({ length: 6 }, () => chooseLns(plan, [], 0)?.address.slice(0, 8));
    expect(order).toEqual(["10.2.0.2", "10.2.0.1", "10.2.0.2", "10.2.0.2", "10.2.0.1", "10.2.0.2"]);
  });

  it("of the best priority that has one in good health, and a held-down one only last", () => {
    const plan = planOf("{ hold-down: 10s, lns: [{ address: 10.3.0.2, priority: 5 }, 10.3.0.1] }");
    const [first, second] = plan.candidates.map(({ lns }) => lns) as [Lns, Lns];
    expect(first.address).toBe("10.3.0.1:1701");
    expect(chooseLns(plan, [], 0)).toBe(first);
    holdDown(first, 0);
    expect(chooseLns(plan, [], 9_999)).toBe(second);
    expect(chooseLns(plan, [second], 9_999)).toBe(first);
    expect(chooseLns(plan, [], 10_000)).toBe(first);
    expect(chooseLns(plan, [first, second], 0)).toBeUndefined();
  });
});

describe("LNSs", () => {
  it("are shared by rules with the same settings", () => {
    const [one, two, three] = [
      "{ lns: [10.4.0.1] }",
      "{ lns: [10.4.0.1], timeout: 9s }",
      "{ lns: [10.4.0.1], hidden: false, hello-interval: 9s }",
    ].map((each) => planOf(each).candidates[0]?.lns);
    expect(one).toBe(two);
    expect(one).not.toBe(three);
  });

  it("that no rule names are retired, and forgotten with their last tunnel", () => {
    const own = createLnsPool();
    const kept = planOf("{ lns: [10.5.0.1] }", own);
    const gone = planOf("{ lns: [10.5.0.2, 10.5.0.3] }", own).candidates.map(({ lns }) => lns);
    const tunnel = {} as Tunnel;
    gone[0]?.tunnels.add(tunnel);
    expect(own.retain([kept])).toEqual(gone);
    expect(own.size).toBe(2);
    gone[0]?.tunnels.delete(tunnel);
    own.release(gone[0] as Lns);
    expect(own.size).toBe(1);
  });

  it("know which of their tunnels have room", () => {
    const lns = planOf("{ lns: [10.6.0.1], max-sessions-per-tunnel: 2 }").candidates[0]?.lns as Lns;
    const tunnel = { sessions: 0, ended: false, lns } as Tunnel;
    lns.withRoom.add(tunnel);
    occupy(tunnel);
    expect(lns.withRoom.size).toBe(1);
    occupy(tunnel);
    expect(lns.withRoom.size).toBe(0);
    vacate(tunnel);
    expect(lns.withRoom.size).toBe(1);
    expect(lns.sessions).toBe(1);
  });
});
