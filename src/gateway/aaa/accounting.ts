/**
 * Accounting that is not lost (RFC 2866). A session is in the store before its Start is sent, and its Stop before that is
 * sent; what a run left open the next one closes. In memory is a bounded part of what waits; the store has all Stops.
 */
import type { Attribute } from "../../wire/radius.js";
import type { Clock } from "../clock.js";
import type { Counts } from "../counts.js";
import type { Log } from "../log.js";
import type { RadiusDriver, RadiusResult } from "../radius/index.js";
import type { Store } from "../store/types.js";
import { type AccountingEvent, accountingAttributes, nasEventAttributes } from "./accounting-attributes.js";
import { decodeRecord, encodeRecord, noUsage } from "./accounting-record.js";
import { createDelivery } from "./delivery.js";
import { createJournal } from "./journal.js";
import type { Accounting } from "./types.js";

export interface AccountingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly counts: Counts;
  readonly radius: Pick<RadiusDriver, "ask">;
  readonly store: Store | undefined;
  readonly nas: () => readonly Attribute[];
  /** Whether there is a server that takes accounting. */
  readonly enabled: () => boolean;
}

export interface AccountingService extends Accounting {
  /** Closes what an earlier run left open, says Accounting-On, and begins to deliver. */
  begin(): Promise<void>;
  /** Servers may have changed. */
  configure(): void;
  readonly pending: number;
  /** Delivers for at most so many milliseconds more, and says Accounting-Off. */
  end(grace: number): Promise<void>;
}

/** Records in memory: from `full` on no Starts and interim updates are taken in, from twice that on no Stops. */
const full = 16_384;
/** Stops read from the store at a time. */
const portion = 1024;
/** Milliseconds between signs of life in the store, which say when a crashed run was last there. */
const heartbeat = 30_000;

/** Keys of the store: sessions that are open by their id, Stops that wait by a number that grows. */
const open = { from: "o", to: "p" } as const;
const waiting = { from: "w", to: "x" } as const;
const alive = "alive";
const keyOf = (sequence: number): string => `${waiting.from}${sequence.toString(16).padStart(12, "0")}`;
const sequenceOf = (key: string): number => Number.parseInt(key.slice(waiting.from.length), 16);

export function createAccounting(options: AccountingOptions): AccountingService {
  const { clock, log, counts, radius, store, nas, enabled } = options;
  const journal = store && createJournal(store, clock, log);
  const epoch = Math.floor(clock.now()).toString(16);
  /** Records on the way into the store. */
  let storing = 0;
  /** Stops from here on are in the store alone; those before it are in memory, or delivered. */
  let cursor = 0;
  let nextSequence = 0;
  let refilling = false;
  let announced = false;
  let lost = false;
  let drained: (() => void) | undefined;
  let calledOff: (() => void) | undefined;

  const delivery = createDelivery({
    clock,
    log,
    count: counts.add,
    send: (event, done) =>
      radius.ask({ service: "accounting", attributes: accountingAttributes(event, clock.now(), nas()) }, done),
    delivered({ status }, key) {
      counts.add(`accounting-${status}`);
      if (key !== undefined) journal?.remove(key);
      if (cursor < nextSequence && delivery.size + storing < full / 2) void refill();
      if (pending() === 0) drained?.();
    },
  });

  const pending = (): number => delivery.size + storing + nextSequence - cursor;

  /** Hands on to delivery as soon as it is stored. */
  const deliver = (event: AccountingEvent, key?: string): void => {
    if (journal === undefined) {
      delivery.add(event, key);
      return;
    }
    storing++;
    journal.whenStored(() => {
      storing--;
      delivery.add(event, key);
    });
  };

  const lose = (status: AccountingEvent["status"]): void => {
    counts.add(`accounting-${status}-dropped`);
    if (status === "stop" && !lost)
      log.error({ waiting: full }, "accounting is lost: too much waits, and there is no store");
    if (status === "stop") lost = true;
  };

  const stop = (event: AccountingEvent): void => {
    if (journal === undefined) {
      if (delivery.size < 2 * full) deliver(event);
      else lose("stop");
      return;
    }
    const key = keyOf(nextSequence);
    const behind = cursor < nextSequence || delivery.size + storing >= 2 * full;
    nextSequence++;
    journal.remove(open.from + event.session.caller.session);
    journal.put(key, encodeRecord(event));
    if (behind) return;
    cursor = nextSequence;
    deliver(event, key);
  };

  /** Takes Stops from the store into memory, oldest first. */
  const refill = async (): Promise<void> => {
    if (store === undefined || refilling) return;
    refilling = true;
    await journal?.flush();
    while (cursor < nextSequence && delivery.size + storing < full) {
      const entries = store.read(keyOf(cursor), waiting.to, portion);
      for (const [key, text] of entries) {
        const event = decodeRecord(text);
        if (event) delivery.add(event, key);
        else discard(key);
      }
      const last = entries.at(-1);
      // Without any, what is missing could not be written; the journal has told of that.
      cursor = last === undefined ? nextSequence : sequenceOf(last[0]) + 1;
    }
    refilling = false;
  };

  const discard = (key: string): void => {
    counts.add("accounting-unreadable");
    log.error({ key }, "accounting record in the store that cannot be read, discarded");
    journal?.remove(key);
  };

  // --- The run before this one ---

  const recover = async (from: Store): Promise<void> => {
    const [first] = from.read(waiting.from, waiting.to, 1);
    const last = from.last(waiting.from, waiting.to);
    cursor = first === undefined ? 0 : sequenceOf(first[0]);
    nextSequence = last === undefined ? cursor : sequenceOf(last[0]) + 1;
    const left = nextSequence - cursor;
    const lastAlive = Number(from.read(alive, `${alive}\0`, 1)[0]?.[1] ?? 0);
    let closed = 0;
    for (;;) {
      const entries = from.read(open.from, open.to, portion);
      if (entries.length === 0) break;
      const changes = new Map<string, string | undefined>();
      for (const [key, text] of entries) {
        changes.set(key, undefined);
        const event = decodeRecord(text);
        if (event === undefined) counts.add("accounting-unreadable");
        else changes.set(keyOf(nextSequence++), encodeRecord(closedByCrash(event, Math.min(lastAlive, clock.now()))));
      }
      await from.write(changes);
      closed += entries.length;
    }
    if (left + closed > 0)
      log.info({ stops: left, sessions: closed }, "accounting that an earlier run left is delivered now");
  };

  const beat = (): void => {
    journal?.put(alive, String(Math.floor(clock.now())));
    calledOff = clock.schedule(clock.now() + heartbeat, beat);
  };

  /** Accounting-On (RFC 2866 §5.1) comes first: a server takes it for the end of every session that it knows of. */
  const announce = (): void => {
    if (announced || !enabled()) return;
    announced = true;
    askOfNas("on", ({ type }) => {
      if (type === "failed") counts.add("accounting-on-unanswered");
      delivery.begin();
    });
    void refill();
  };

  const askOfNas = (status: "on" | "off", done: (result: RadiusResult) => void): void => {
    const now = clock.now();
    const attributes = nasEventAttributes(status, `${epoch}-${status}`, now, now, nas());
    radius.ask({ service: "accounting", attributes }, done);
  };

  const eventOf = (
    status: AccountingEvent["status"],
    session: AccountingEvent["session"],
    usage?: AccountingEvent["usage"],
    cause?: AccountingEvent["cause"],
  ): AccountingEvent => ({ status, session, at: clock.now(), usage, cause });

  return {
    start(session) {
      if (!enabled()) return;
      const event = eventOf("start", session);
      journal?.put(open.from + session.caller.session, encodeRecord(event));
      if (delivery.size + storing < full) deliver(event);
      else lose("start");
    },
    interim(session, usage) {
      if (!enabled()) return;
      const event = eventOf("interim", session, usage);
      journal?.put(open.from + session.caller.session, encodeRecord(event));
      if (delivery.size + storing < full) deliver(event);
      else lose("interim");
    },
    stop(session, usage, cause) {
      if (enabled()) stop(eventOf("stop", session, usage, cause));
      else journal?.remove(open.from + session.caller.session);
    },
    async begin() {
      if (store === undefined && enabled()) {
        log.warn({}, "aaa.store is not set: accounting that waits is lost when this process ends");
      }
      if (store) {
        await recover(store);
        beat();
      }
      announce();
    },
    configure() {
      announce();
      delivery.retry();
    },
    get pending() {
      return pending();
    },
    async end(grace) {
      calledOff?.();
      const until = clock.now() + grace;
      await journal?.flush();
      await within(clock, until, (done) => {
        drained = done;
        if (pending() === 0 || !announced) done();
      });
      if (announced) await within(clock, until, (done) => askOfNas("off", done));
      delivery.end();
      await journal?.flush();
    },
  };
}

/** What is last known of it; the run ended without being able to say so. */
function closedByCrash(event: AccountingEvent, lastAlive: number): AccountingEvent {
  const { session, at, usage = noUsage } = event;
  return { session, status: "stop", at: Math.max(at, lastAlive), usage, cause: "nas-reboot" };
}

/** Until it is done, or the time is up. */
async function within(clock: Clock, until: number, begin: (done: () => void) => void): Promise<void> {
  if (clock.now() >= until) return;
  // Neither the clock nor the sockets keep the process alive, which must not end before this has.
  const keepAlive = setInterval(() => {}, 1000);
  await new Promise<void>((resolve) => {
    const callOff = clock.schedule(until, resolve);
    begin(() => {
      callOff();
      resolve();
    });
  });
  clearInterval(keepAlive);
}
