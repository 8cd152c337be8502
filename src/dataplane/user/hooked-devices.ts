/** Devices as programs can be attached to them: by name, with a word in their record that says which chains their frames meet. */
import { deviceTag, type Framing, type Hook } from "../attributes.js";
import type { Dataplane } from "../contract.js";
import { parse, refuse } from "../errors.js";
import type { Channels } from "./channels.js";
import { createDeviceNumbers } from "./devices.js";
import {
  port as portRecord,
  sessionFlag,
  session as sessionRecord,
  unitFlag,
  unit as unitRecord,
  way,
} from "./layout.js";
import type { Core, Port, Session, Unit } from "./objects.js";
import { createShortcut } from "./shortcut.js";

export interface HookedDevice {
  /** Its number, as programs know it. */
  readonly device: number;
  readonly name: string;
  /** What programs see if it was not said. */
  readonly framing: Framing;
  /** What belongs to its hooks; only `Attachments` looks at it. */
  readonly chains: Partial<Record<Hook, unknown>>;
  /** @throws DataplaneError if it has no such hook. */
  check(hook: Hook, framing: Framing | undefined): void;
  /** Has its frames meet a chain; 0: none. */
  set(hook: Hook, chain: number): void;
}

export interface HookedDevices {
  ofPort(port: Port): HookedDevice;
  ofUnit(unit: Unit): HookedDevice;
  ofSession(session: Session): HookedDevice;
  all(): Iterable<HookedDevice>;
  byName(name: string): HookedDevice | undefined;
  byNumber(device: number): HookedDevice | undefined;
  readonly operations: Pick<Dataplane["device"], "tag" | "names">;
  /** Forgets an object that is gone, and answers what it was. */
  forget(object: Port | Unit | Session): HookedDevice | undefined;
}

export function createHookedDevices(core: Core, channels: Channels): HookedDevices {
  const { memory, layout, ports, units, sessions } = core;
  const { i32 } = memory;
  const numbers = createDeviceNumbers(layout);
  const shortcut = createShortcut(memory, layout);
  const known = new Map<object, HookedDevice>();

  /** Stores one half of a word of chains. */
  function storeChain(word: number, hook: Hook, chain: number): void {
    const before = Atomics.load(i32, word);
    Atomics.store(i32, word, hook === "ingress" ? (before & ~0xffff) | chain : (before & 0xffff) | (chain << 16));
  }

  /** Sets or clears a flag; while it is set, the word of chains says something. */
  function store(flags: number, bit: number, chains: number, hook: Hook, chain: number): void {
    if (chain === 0) Atomics.and(i32, flags, ~bit);
    storeChain(chains, hook, chain);
    if (chain !== 0) Atomics.or(i32, flags, bit);
  }

  /** Where the tags of a channel or unit are; every call and every subscriber is tagged, so this makes nothing. */
  function tagWords(name: string): { readonly user: number; readonly policy: number } | undefined {
    const [kind, id = ""] = name.split("/");
    if (kind === "channel") {
      const session = core.channels.get(Number(id));
      if (session === undefined) return undefined;
      const word = (layout.sessions >> 2) + session.slot * sessionRecord.words;
      return { user: word + sessionRecord.user, policy: word + sessionRecord.policy };
    }
    const unit = kind === "unit" ? core.unitNames.get(id) : undefined;
    if (unit === undefined) return undefined;
    const word = (layout.units >> 2) + unit.slot * unitRecord.words;
    return { user: word + unitRecord.user, policy: word + unitRecord.policy };
  }

  function makePort(port: Port): HookedDevice {
    const word = (layout.ports >> 2) + port.slot * portRecord.words;
    const { name } = port.device;
    const isTun = port.kind === "tun";
    return {
      device: numbers.port(port.slot),
      name,
      framing: isTun ? "ethernet" : "native",
      chains: {},
      check(_hook, framing) {
        if (!isTun && framing === "ethernet") {
          refuse("EOPNOTSUPP", `device ${name}`, "its frames are datagrams without Ethernet", "use framing native");
        }
        if (isTun && port.segmentation) {
          const mend = "attach to unit/*, or open the port without segmentation";
          refuse("EOPNOTSUPP", `device ${name}`, "exchanges super-packets with the host, which are no frames", mend);
        }
      },
      set: (hook, chain) => storeChain(word + portRecord.chains, hook, chain),
    };
  }

  function makeUnit(unit: Unit): HookedDevice {
    const word = (layout.units >> 2) + unit.slot * unitRecord.words;
    const bits = { ingress: unitFlag.ingress, egress: unitFlag.egress } as const;
    return {
      device: numbers.unit(unit.slot),
      name: `unit/${unit.name}`,
      framing: "ethernet",
      chains: {},
      check: () => {},
      set(hook, chain) {
        unit.watched = chain === 0 ? unit.watched & ~bits[hook] : unit.watched | bits[hook];
        store(word + unitRecord.flags, bits[hook], word + unitRecord.chains, hook, chain);
      },
    };
  }

  function makeSession(session: Session): HookedDevice {
    const word = (layout.sessions >> 2) + session.slot * sessionRecord.words;
    const header = (layout.ways >> 2) + session.slot * way.words + way.header;
    const bits = { ingress: sessionFlag.ingress, egress: sessionFlag.egress } as const;
    return {
      device: numbers.channel(session.slot),
      name: `channel/${session.channel}`,
      framing: "native",
      chains: {},
      check: () => {},
      set(hook, chain) {
        store(header, bits[hook], word + sessionRecord.chains, hook, chain);
        if (chain === 0) channels.shorten(session);
        else {
          shortcut.close(session.slot);
          shortcut.closeTo(session.slot);
        }
      },
    };
  }

  function cached<T extends object>(object: T, make: (object: T) => HookedDevice): HookedDevice {
    const found = known.get(object) ?? make(object);
    known.set(object, found);
    return found;
  }

  const ofPort = (port: Port): HookedDevice => cached(port, makePort);
  const ofUnit = (unit: Unit): HookedDevice => cached(unit, makeUnit);
  const ofSession = (session: Session): HookedDevice => cached(session, makeSession);

  function* all(): Iterable<HookedDevice> {
    for (const port of ports.values()) yield ofPort(port);
    for (const unit of units.values()) yield ofUnit(unit);
    for (const session of sessions.values()) yield ofSession(session);
  }

  function byName(name: string): HookedDevice | undefined {
    if (name.startsWith("channel/")) {
      const session = core.channels.get(Number(name.slice("channel/".length)));
      return session === undefined ? undefined : ofSession(session);
    }
    if (name.startsWith("unit/")) {
      const unit = core.unitNames.get(name.slice("unit/".length));
      return unit === undefined ? undefined : ofUnit(unit);
    }
    const port = [...ports.values()].find(({ device }) => device.name === name);
    return port === undefined ? undefined : ofPort(port);
  }

  return {
    ofPort,
    ofUnit,
    ofSession,
    all,
    byName,
    byNumber(device) {
      for (const each of all()) if (each.device === device) return each;
      return undefined;
    },
    operations: {
      async tag(input) {
        const { device, user, policy } = parse(deviceTag, "device", input);
        const words = tagWords(device) ?? refuse("ENODEV", `device ${device}`, "no such channel or unit");
        if (user !== undefined) Atomics.store(i32, words.user, user | 0);
        if (policy !== undefined) Atomics.store(i32, words.policy, policy | 0);
      },
      async names() {
        return [...all()].map(({ device, name }) => ({ device, name }));
      },
    },
    forget(object) {
      const found = known.get(object);
      known.delete(object);
      return found;
    },
  };
}
