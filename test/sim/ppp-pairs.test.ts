/** Every pair of option sets comes to what RFC 1661 says, whoever it is that begins. */
import { describe, expect, test } from "vitest";
import { seed } from "../seed.js";
import { createEnd, type End } from "./ppp-end.js";
import { expected, optionSets, withoutMagic } from "./ppp-plans.js";
import { createWire } from "./ppp-wire.js";

const names = Object.keys(optionSets);
const agreementOf = (end: End) => end.events.findLast((event) => event.type === "lcp-up")?.agreement;
const downOf = (end: End) => end.events.findLast((event) => event.type === "down");

describe.each(names)("%s", (first) => {
  test.each(names)("and %s", (second) => {
    const [a, b] = [optionSets[first]!, optionSets[second]!];
    const ends = [a, b].map((link, n) =>
      createEnd({ seed: seed + n, link: { ...link, name: `end ${n}` }, judge: () => ({ verdict: "accept" }) }),
    );
    const wire = createWire(ends, seed);
    for (const end of ends) end.open(0);
    wire.run(100_000);

    const bothPassive = a.passive === true && b.passive === true;
    const outcome = expected(a, b);
    const reasons = ends.map((end) => downOf(end)?.reason);
    if (bothPassive) {
      expect(reasons).toEqual(["no-answer", "no-answer"]);
    } else if (outcome === "no-agreement") {
      expect(reasons).toContain("no-agreement");
      expect(ends.map(agreementOf)).toEqual([undefined, undefined]);
    } else {
      expect(ends.map((end) => withoutMagic(agreementOf(end)!.local))).toEqual([outcome.a, outcome.b]);
      expect(agreementOf(ends[0]!)?.peer).toEqual(agreementOf(ends[1]!)?.local);
      expect(agreementOf(ends[1]!)?.peer).toEqual(agreementOf(ends[0]!)?.local);
      // No network is configured, so that each ends the link in good order, once both have authenticated.
      for (const [n, end] of ends.entries()) {
        const whole = n === 0 ? outcome.a : outcome.b;
        const types = end.events.map(({ type }) => type).filter((type) => type !== "finished" && type !== "down");
        expect(types).toEqual(["lcp-up", ...(whole.authentication ? ["authenticate"] : []), "network"]);
      }
    }
    expect(wire.delivered).toBeLessThan(100);
    expect(ends.map((end) => end.link.status().phase)).toEqual(["dead", "dead"]);
  });
});
