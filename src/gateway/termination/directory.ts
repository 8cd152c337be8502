/** Subscribers by what they are asked for by. */
import type { SessionNames } from "../aaa/types.js";
import type { Subscriber } from "./records.js";

export interface Directory {
  add(subscriber: Subscriber): void;
  remove(subscriber: Subscriber): void;
  /** Its unit is there. */
  plumbed(subscriber: Subscriber): void;
  byUnit(unit: number): Subscriber | undefined;
  bundle(name: string): Subscriber | undefined;
  ofUser(userName: string): readonly Subscriber[];
  /** Those whom all of these names fit; without a name, nobody. Looks at everybody: not for the fast path. */
  find(names: SessionNames): readonly Subscriber[];
  all(): Iterable<Subscriber>;
  readonly size: number;
}

export function createDirectory(): Directory {
  const everybody = new Set<Subscriber>();
  const units = new Map<number, Subscriber>();
  const bundles = new Map<string, Subscriber>();
  /** The first of each user's; they are chained. */
  const users = new Map<string, Subscriber>();

  function unchain(subscriber: Subscriber): void {
    const { userName } = subscriber.identity;
    const first = users.get(userName);
    if (first === subscriber) {
      if (subscriber.sameUser) users.set(userName, subscriber.sameUser);
      else users.delete(userName);
      return;
    }
    for (let each = first; each; each = each.sameUser) {
      if (each.sameUser === subscriber) each.sameUser = subscriber.sameUser;
    }
  }

  return {
    add(subscriber) {
      everybody.add(subscriber);
      const { userName } = subscriber.identity;
      subscriber.sameUser = users.get(userName);
      users.set(userName, subscriber);
      if (subscriber.bundle !== undefined) bundles.set(subscriber.bundle, subscriber);
    },
    remove(subscriber) {
      everybody.delete(subscriber);
      unchain(subscriber);
      units.delete(subscriber.unit);
      const { bundle } = subscriber;
      if (bundle !== undefined && bundles.get(bundle) === subscriber) bundles.delete(bundle);
    },
    plumbed(subscriber) {
      units.set(subscriber.unit, subscriber);
    },
    byUnit: (unit) => units.get(unit),
    bundle: (name) => bundles.get(name),
    ofUser(userName) {
      const found: Subscriber[] = [];
      for (let each = users.get(userName); each; each = each.sameUser) found.push(each);
      return found;
    },
    find(names) {
      const wanted = Object.entries(names).filter(([, value]) => value !== undefined) as [
        keyof SessionNames,
        unknown,
      ][];
      if (wanted.length === 0) return [];
      return [...everybody].filter((each) => wanted.every(([name, value]) => fits[name](each, value)));
    },
    all: () => everybody,
    get size() {
      return everybody.size;
    },
  };
}

const someMember = (
  subscriber: Subscriber,
  is: (caller: Subscriber["members"] extends Set<infer M> ? M : never) => boolean,
) => [...subscriber.members].some(is);

/** How each name is read from a subscriber. */
const fits: { readonly [N in keyof SessionNames]-?: (subscriber: Subscriber, value: unknown) => boolean } = {
  session: (subscriber, value) => someMember(subscriber, ({ caller }) => caller.session === value),
  userName: (subscriber, value) => subscriber.identity.userName === value,
  address: (subscriber, value) => subscriber.address === value,
  ipv6Prefix: (subscriber, value) => subscriber.prefix === value || subscriber.delegated === value,
  callingNumber: (subscriber, value) => someMember(subscriber, ({ caller }) => caller.callingNumber === value),
  nasPort: (subscriber, value) => someMember(subscriber, ({ caller }) => caller.nasPort === value),
};
