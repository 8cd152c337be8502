/** What programs are told of a call's frames: the rule that decided on it, and who its user is. */
import type { Core } from "./core.js";
import type { Leg } from "./records.js";

/** Position of a rule in the configuration, from 1; 0: it is not there any more. */
const numberOf = (core: Core, rule: string): number => core.config.policy.findIndex(({ name }) => name === rule) + 1;

/** 32-bit FNV-1a of a user name in UTF-8: a number that anyone can compute, and that is the same after a restart. */
export function userNumber(userName: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(userName)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** The data plane may have lost the device meanwhile: then there is nobody to tell. */
function tag(core: Core, device: string, policy: number, user?: number): void {
  core.track(
    core.plane.device.tag(user === undefined ? { device, policy } : { device, policy, user }).catch(() => undefined),
  );
}

export function tagLeg(core: Core, leg: Leg, rule: string): void {
  if (leg.channel !== 0) tag(core, `channel/${leg.channel}`, numberOf(core, rule));
}

export const tagUnit = (core: Core, name: string, rule: string, userName: string): void =>
  tag(core, `unit/${name}`, numberOf(core, rule), userNumber(userName));
