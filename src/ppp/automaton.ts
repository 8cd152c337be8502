/**
 * The option negotiation automaton (RFC 1661 §4.1) as data: a table per event with the states in the RFC's order, so that it
 * can be held against the page. A cell is the actions, then the next state; an event that a state does not name is
 * illegal there, and changes nothing.
 *
 * Restart (footnote r) is not taken up; the passive option (footnote p) is the link's.
 */
import type { LcpState } from "./types.js";

/** §4.3. `rcn` is a Nak or a Reject, `rxr` an Echo-Request, Echo-Reply or Discard-Request. */
export type Event =
  | "up"
  | "down"
  | "open"
  | "close"
  | "to+"
  | "to-"
  | "rcr+"
  | "rcr-"
  | "rca"
  | "rcn"
  | "rtr"
  | "rta"
  | "ruc"
  | "rxj+"
  | "rxj-"
  | "rxr";

/** §4.4. */
export type Action =
  | "tlu"
  | "tld"
  | "tls"
  | "tlf"
  | "irc"
  | "zrc"
  | "scr"
  | "sca"
  | "scn"
  | "str"
  | "sta"
  | "scj"
  | "ser";

export interface Transition {
  readonly actions: readonly Action[];
  readonly next: LcpState;
}

/** §4.1, the column heads and their numbers. */
const numbered: readonly LcpState[] = [
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

const page: Readonly<Record<Event, string>> = {
  //       0     1         2        3              4     5       6          7          8          9
  up: "    2     irc,scr/6 -        -              -     -       -          -          -          -",
  down: "  -     -         0        tls/1          0     1       1          1          1          tld/1",
  open: "  tls/1 1         irc,scr/6 3             5     5       6          7          8          9",
  close: " 0     tlf/0     2        2              4     4       irc,str/4  irc,str/4  irc,str/4  tld,irc,str/4",
  "to+": " -     -         -        -              str/4 str/5   scr/6      scr/6      scr/8      -",
  "to-": " -     -         -        -              tlf/2 tlf/3   tlf/3      tlf/3      tlf/3      -",
  "rcr+": "-     -         sta/2    irc,scr,sca/8  4     5       sca/8      sca,tlu/9  sca/8      tld,scr,sca/8",
  "rcr-": "-     -         sta/2    irc,scr,scn/6  4     5       scn/6      scn/7      scn/6      tld,scr,scn/6",
  rca: "   -     -         sta/2    sta/3          4     5       irc/7      scr/6      irc,tlu/9  tld,scr/6",
  rcn: "   -     -         sta/2    sta/3          4     5       irc,scr/6  scr/6      irc,scr/8  tld,scr/6",
  rtr: "   -     -         sta/2    sta/3          sta/4 sta/5   sta/6      sta/6      sta/6      tld,zrc,sta/5",
  rta: "   -     -         2        3              tlf/2 tlf/3   6          6          8          tld,scr/6",
  ruc: "   -     -         scj/2    scj/3          scj/4 scj/5   scj/6      scj/7      scj/8      scj/9",
  "rxj+": "-     -         2        3              4     5       6          6          8          9",
  "rxj-": "-     -         tlf/2    tlf/3          tlf/2 tlf/3   tlf/3      tlf/3      tlf/3      tld,irc,str/5",
  rxr: "   -     -         2        3              4     5       6          7          8          ser/9",
};

function transitionOf(cell: string): Transition {
  const slash = cell.indexOf("/");
  const actions = slash === -1 ? [] : (cell.slice(0, slash).split(",") as Action[]);
  return { actions, next: numbered[Number(cell.slice(slash + 1))]! };
}

const rowOf = (row: string): Partial<Record<LcpState, Transition>> =>
  Object.fromEntries(
    row
      .trim()
      .split(/ +/)
      .flatMap((cell, number) => (cell === "-" ? [] : [[numbered[number]!, transitionOf(cell)]])),
  );

export const transitions = Object.fromEntries(
  Object.entries(page).map(([event, row]) => [event, rowOf(row)]),
) as Readonly<Record<Event, Readonly<Partial<Record<LcpState, Transition>>>>>;

/** §4.6: the restart timer runs in these states only. */
export const timed: ReadonlySet<LcpState> = new Set(["closing", "stopping", "req-sent", "ack-rcvd", "ack-sent"]);
