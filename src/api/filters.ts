/**
 * What a listing can be narrowed by. The API's query parameters and the command line's keywords both come from this table,
 * which must not load the schema library: it is on the way of every command.
 */
export interface Filter {
  /** Query parameter and keyword. */
  readonly name: string;
  /** The attribute of the object, as the API shows it, that is compared. */
  readonly attribute: string;
  /** `address`: the port may be left out. `present`: yes or no. */
  readonly match: "equal" | "address" | "present";
  /** What the value is called in help texts, or the words that it may be. */
  readonly value: string | readonly string[];
  readonly description: string;
}

/** States of a control connection (RFC 2661 §7.2.1). */
export const tunnelStates = ["idle", "wait-ctl-reply", "wait-ctl-conn", "established", "closing"] as const;

const side: Filter = {
  name: "side",
  attribute: "side",
  match: "equal",
  value: ["access", "onward"],
  description: "who opened it: access, a peer to us; onward, we to an LNS",
};

const user: Filter = {
  name: "user",
  attribute: "userName",
  match: "equal",
  value: "NAME",
  description: "user name",
};

const address: Filter = {
  name: "address",
  attribute: "address",
  match: "equal",
  value: "ADDRESS",
  description: "the subscriber's IPv4 address",
};

export const filters = {
  tunnel: [
    {
      name: "remote",
      attribute: "remote",
      match: "address",
      value: "ADDRESS[:PORT]",
      description: "the peer's address",
    },
    {
      name: "host",
      attribute: "hostName",
      match: "equal",
      value: "NAME",
      description: "the peer's host name, from its SCCRQ or SCCRP",
    },
    {
      name: "state",
      attribute: "state",
      match: "equal",
      value: tunnelStates,
      description: "state of the control connection (RFC 2661 §7.2.1)",
    },
    side,
  ],
  session: [
    { name: "tunnel", attribute: "tunnel", match: "equal", value: "TUNNEL", description: "the tunnel it is in" },
    user,
    address,
    {
      name: "fate",
      attribute: "fate",
      match: "equal",
      value: ["bridged", "terminated"],
      description: "bridged with another session, or terminated here",
    },
    { name: "calling", attribute: "callingNumber", match: "equal", value: "NUMBER", description: "calling number" },
    { name: "called", attribute: "calledNumber", match: "equal", value: "NUMBER", description: "called number" },
    {
      name: "state",
      attribute: "state",
      match: "equal",
      value: "STATE",
      description: "state of the call (RFC 2661 §7.4, §7.5)",
    },
    { name: "channel", attribute: "channel", match: "equal", value: "CHANNEL", description: "its PPP channel" },
    {
      name: "bridged",
      attribute: "bridgedWith",
      match: "present",
      value: ["yes", "no"],
      description: "whether it is bridged with another session",
    },
    side,
  ],
  unit: [user, address],
  channel: [
    {
      name: "session",
      attribute: "session",
      match: "equal",
      value: "TUNNEL/SESSION",
      description: "the session whose frames it carries",
    },
    {
      name: "bridged",
      attribute: "bridgedWith",
      match: "present",
      value: ["yes", "no"],
      description: "whether it is bridged with another channel",
    },
  ],
} as const satisfies Record<string, readonly Filter[]>;

const matchers: Record<Filter["match"], (actual: unknown, wanted: string) => boolean> = {
  equal: (actual, wanted) => String(actual) === wanted,
  address: (actual, wanted) => actual === wanted || withoutPort(String(actual)) === wanted.replace(/^\[(.*)\]$/, "$1"),
  present: (actual, wanted) => (actual !== null) === (wanted === "yes"),
};

const withoutPort = (address: string): string => address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");

/** Whether an object is one of those that the query asks for; parameters that are no filters do not count. */
export function accepts(list: readonly Filter[], query: Readonly<Record<string, unknown>>, object: object): boolean {
  const attributes = object as Readonly<Record<string, unknown>>;
  return list.every((filter) => {
    const wanted = query[filter.name];
    return wanted === undefined || matchers[filter.match](attributes[filter.attribute], String(wanted));
  });
}
