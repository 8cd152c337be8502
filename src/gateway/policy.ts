/** Which rule of the configuration decides on a call: the first whose conditions all hold. */
import { type PrefixList, parsePrefixes } from "./config/address.js";
import type { MatchKey, Rule } from "./config/types.js";
import { compileGlob, type Glob } from "./glob.js";

/** What the policy knows of a call. */
export interface CallFacts {
  readonly callingNumber: string | undefined;
  readonly calledNumber: string | undefined;
  readonly subAddress: string | undefined;
  readonly userName: string | undefined;
  readonly peerHostName: string;
  /** Name of the access entry that it came in by. */
  readonly access: string;
  /** The tunnel's peer, ADDRESS:PORT. */
  readonly peer: string;
}

/** How each key of a match is read from a call; names of realms and hosts have no letter case (RFC 4343). */
const facts: Readonly<
  Record<MatchKey, { readonly of: (call: CallFacts) => string | undefined; readonly ignoreCase?: boolean }>
> = {
  "calling-number": { of: (call) => call.callingNumber },
  "called-number": { of: (call) => call.calledNumber },
  "sub-address": { of: (call) => call.subAddress },
  "user-name": { of: (call) => call.userName },
  realm: { of: (call) => realmOf(call.userName), ignoreCase: true },
  "peer-host-name": { of: (call) => call.peerHostName, ignoreCase: true },
  access: { of: (call) => call.access },
};

/** What follows the last @ of a user name. */
export function realmOf(userName: string | undefined): string | undefined {
  const at = userName?.lastIndexOf("@") ?? -1;
  return at < 0 ? undefined : userName?.slice(at + 1);
}

export type Policy = (call: CallFacts) => Rule | undefined;

interface CompiledRule {
  readonly rule: Rule;
  readonly tests: readonly { readonly key: MatchKey; readonly globs: readonly Glob[] }[];
  readonly peer: PrefixList | undefined;
}

export function compilePolicy(rules: readonly Rule[]): Policy {
  const compiled = rules.map(compile);
  return (call) => compiled.find((rule) => holds(rule, call))?.rule;
}

const compile = (rule: Rule): CompiledRule => ({
  rule,
  tests: rule.conditions.map(({ key, patterns }) => ({
    key,
    globs: patterns.map((pattern) => compileGlob(pattern, facts[key].ignoreCase)),
  })),
  peer: rule.peer && parsePrefixes(rule.peer),
});

function holds(rule: CompiledRule, call: CallFacts): boolean {
  if (rule.peer && !rule.peer.has(call.peer)) return false;
  return rule.tests.every(({ key, globs }) => {
    const value = facts[key].of(call);
    return value !== undefined && globs.some((glob) => glob(value));
  });
}
