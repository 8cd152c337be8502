/**
 * Delivers accounting: several sessions at once, the events of one session one after the other, and everything again and
 * again until a server has taken it. While no server answers, one request at a time tries whether that is still so.
 */
import type { Clock } from "../clock.js";
import type { Log } from "../log.js";
import type { RadiusResult } from "../radius/index.js";
import type { AccountingEvent } from "./accounting-attributes.js";

export interface DeliveryOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Sends once; the RADIUS client repeats it and tries all servers before it says that it has failed. */
  readonly send: (event: AccountingEvent, done: (result: RadiusResult) => void) => void;
  /** A server has taken it, or it has been given up. */
  readonly delivered: (event: AccountingEvent, key: string | undefined) => void;
  readonly count: (name: string) => void;
}

export interface Delivery {
  /** `key` comes back with `delivered`. An interim update that waits is replaced by a later one. */
  add(event: AccountingEvent, key?: string): void;
  /** Events that are waiting or under way. */
  readonly size: number;
  /** Nothing is sent before this has been called. */
  begin(): void;
  end(): void;
  /** Tries at once, as when servers have changed. */
  retry(): void;
}

/** Sessions whose requests are under way at one time. */
const window = 256;
/** Milliseconds between tries while no server answers. */
const pause = { first: 1000, longest: 60_000 } as const;
/** So often a record may fail while servers take others; then it is the record. */
const mostRefusals = 10;

/** A session's events that have not been delivered. */
interface Lane {
  readonly session: string;
  start: AccountingEvent | undefined;
  interim: AccountingEvent | undefined;
  stop: AccountingEvent | undefined;
  stopKey: string | undefined;
  /** In the queue, or under way. */
  busy: boolean;
  refusals: number;
}

const order = ["start", "interim", "stop"] as const;

export function createDelivery({ clock, log, send, delivered, count }: DeliveryOptions): Delivery {
  const lanes = new Map<string, Lane>();
  let queue: Lane[] = [];
  let head = 0;
  let size = 0;
  let underWay = 0;
  let successes = 0;
  let waiting = 0;
  let calledOff: (() => void) | undefined;
  let running = false;

  const laneOf = (session: string): Lane => {
    const known = lanes.get(session);
    if (known) return known;
    const lane: Lane = {
      session,
      start: undefined,
      interim: undefined,
      stop: undefined,
      stopKey: undefined,
      busy: false,
      refusals: 0,
    };
    lanes.set(session, lane);
    return lane;
  };

  const enqueue = (lane: Lane): void => {
    lane.busy = true;
    queue.push(lane);
  };

  const next = (): Lane | undefined => {
    const lane = queue[head];
    if (lane === undefined) return undefined;
    if (++head > 1024 && 2 * head > queue.length) {
      queue = queue.slice(head);
      head = 0;
    }
    return lane;
  };

  const pump = (): void => {
    if (!running || calledOff) return;
    const most = waiting > 0 ? 1 : window;
    while (underWay < most) {
      const lane = next();
      if (lane === undefined) return;
      transmit(lane);
    }
  };

  const transmit = (lane: Lane): void => {
    const status = order.find((each) => lane[each] !== undefined);
    const event = status && lane[status];
    if (event === undefined) {
      leave(lane);
      return;
    }
    underWay++;
    const before = successes;
    send(event, (result) => {
      underWay--;
      if (result.type === "answer") taken(lane, event);
      else failed(lane, event, before, result.reason);
      pump();
    });
  };

  const taken = (lane: Lane, event: AccountingEvent): void => {
    successes++;
    if (waiting > 0) log.info({ waiting: size }, "accounting is taken again");
    waiting = 0;
    done(lane, event);
  };

  const done = (lane: Lane, event: AccountingEvent): void => {
    lane.refusals = 0;
    // Another one may have come in its place meanwhile.
    if (lane[event.status] === event) {
      lane[event.status] = undefined;
      size--;
    }
    delivered(event, event.status === "stop" ? lane.stopKey : undefined);
    if (order.some((each) => lane[each] !== undefined)) enqueue(lane);
    else leave(lane);
  };

  const leave = (lane: Lane): void => {
    lane.busy = false;
    lanes.delete(lane.session);
  };

  const failed = (lane: Lane, event: AccountingEvent, before: number, reason: string): void => {
    if (successes !== before && ++lane.refusals >= mostRefusals) {
      count("accounting-given-up");
      log.error(
        { session: lane.session, status: event.status, reason },
        "accounting record that no server takes, given up",
      );
      done(lane, event);
      return;
    }
    enqueue(lane);
    if (successes !== before || calledOff || !running) return;
    if (waiting === 0) log.warn({ reason, waiting: size }, "no server takes accounting; it waits");
    waiting = waiting === 0 ? pause.first : Math.min(2 * waiting, pause.longest);
    calledOff = clock.schedule(clock.now() + waiting, () => {
      calledOff = undefined;
      pump();
    });
  };

  return {
    add(event, key) {
      const lane = laneOf(event.session.caller.session);
      if (lane[event.status] === undefined) size++;
      lane[event.status] = event;
      if (event.status === "stop") {
        // What the stop says is more than what an interim update would have.
        if (lane.interim) size--;
        lane.interim = undefined;
        lane.stopKey = key;
      }
      if (!lane.busy) enqueue(lane);
      pump();
    },
    get size() {
      return size;
    },
    begin() {
      running = true;
      pump();
    },
    end() {
      running = false;
      calledOff?.();
      calledOff = undefined;
    },
    retry() {
      calledOff?.();
      calledOff = undefined;
      pump();
    },
  };
}
