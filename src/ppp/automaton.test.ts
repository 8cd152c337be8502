import { describe, expect, test } from "vitest";
import { type Event, timed, transitions } from "./automaton.js";
import type { LcpState } from "./types.js";

/** RFC 1661 §4.1 in the RFC's own halves, so that a slip in copying has to be made twice. */
const firstHalf = `
 Up   |    2     irc,scr/6     -         -         -         -
 Down |    -         -         0       tls/1       0         1
 Open |  tls/1       1     irc,scr/6     3r        5r        5r
 Close|    0       tlf/0       2         2         4         4
  TO+ |    -         -         -         -       str/4     str/5
  TO- |    -         -         -         -       tlf/2     tlf/3
 RCR+ |    -         -       sta/2 irc,scr,sca/8   4         5
 RCR- |    -         -       sta/2 irc,scr,scn/6   4         5
 RCA  |    -         -       sta/2     sta/3       4         5
 RCN  |    -         -       sta/2     sta/3       4         5
 RTR  |    -         -       sta/2     sta/3     sta/4     sta/5
 RTA  |    -         -         2         3       tlf/2     tlf/3
 RUC  |    -         -       scj/2     scj/3     scj/4     scj/5
 RXJ+ |    -         -         2         3         4         5
 RXJ- |    -         -       tlf/2     tlf/3     tlf/2     tlf/3
 RXR  |    -         -         2         3         4         5`;

const secondHalf = `
 Up   |    -         -         -           -
 Down |    1         1         1         tld/1
 Open |    6         7         8           9r
 Close|irc,str/4 irc,str/4 irc,str/4 tld,irc,str/4
  TO+ |  scr/6     scr/6     scr/8         -
  TO- | tlf/3p    tlf/3p    tlf/3p         -
 RCR+ |  sca/8   sca,tlu/9   sca/8   tld,scr,sca/8
 RCR- |  scn/6     scn/7     scn/6   tld,scr,scn/6
 RCA  |  irc/7     scr/6x  irc,tlu/9   tld,scr/6x
 RCN  |irc,scr/6   scr/6x  irc,scr/8   tld,scr/6x
 RTR  |  sta/6     sta/6     sta/6   tld,zrc,sta/5
 RTA  |    6         6         8       tld,scr/6
 RUC  |  scj/6     scj/7     scj/8     scj/9
 RXJ+ |    6         6         8           9
 RXJ- | tlf/3     tlf/3     tlf/3   tld,irc,str/5
 RXR  |    6         7         8         ser/9`;

const states: readonly LcpState[] = [
  "initial",
  "starting",
  "closed",
  "stopped",
  "closing",
  "stopping",
  "req-sent",
  "ack-rcvd",
  "ack-sent",
  "opened",
];

const rows = (half: string): ReadonlyMap<string, readonly string[]> =>
  new Map(
    half
      .trim()
      .split("\n")
      .map((line) => line.split("|") as [string, string])
      .map(([event, cells]) => [event.trim().toLowerCase(), cells.trim().split(/\s+/)]),
  );

describe("the table of RFC 1661 §4.1", () => {
  const [left, right] = [rows(firstHalf), rows(secondHalf)];

  test.each(Object.keys(transitions) as Event[])("%s", (event) => {
    const cells = [...left.get(event)!, ...right.get(event)!].map((cell) => cell.replace(/[rpx]$/, ""));
    const ours = states.map((state) => {
      const transition = transitions[event][state];
      if (transition === undefined) return "-";
      return [transition.actions.join(","), states.indexOf(transition.next)].filter((part) => part !== "").join("/");
    });
    expect(ours).toEqual(cells);
  });

  test("a layer goes up on entering Opened, and down on leaving it, and at no other time", () => {
    for (const row of Object.values(transitions)) {
      for (const [state, { actions, next }] of Object.entries(row)) {
        expect(actions.includes("tlu")).toBe(next === "opened" && state !== "opened");
        expect(actions.includes("tld")).toBe(next !== "opened" && state === "opened");
      }
    }
  });

  test("the restart timer is set by what waits for an answer (§4.6)", () => {
    expect([...timed]).toEqual(["closing", "stopping", "req-sent", "ack-rcvd", "ack-sent"]);
  });
});
