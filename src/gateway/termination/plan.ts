/** From a rule's configuration to the settings of the PPP machines that its calls share. */
import type { EndpointDiscriminator, LinkSettings, NetworkSettings } from "../../ppp/types.js";
import type { Config, Rule, TerminateConfig } from "../config/types.js";
import type { Plan } from "./records.js";

/** RFC 1661 §4.6. */
const counters = { restartTimer: 3000, maxConfigure: 10, maxTerminate: 2, maxFailure: 5 } as const;

/** Of a locally assigned discriminator (RFC 1990 §5.1.3); its address has at most 20 octets. */
const locallyAssigned = 1;
const longestAddress = 20;

const discriminatorOf = (hostName: string): EndpointDiscriminator => ({
  class: locallyAssigned,
  address: new TextEncoder().encode(hostName).subarray(0, longestAddress),
});

const linkSettings = (config: TerminateConfig, hostName: string): LinkSettings => ({
  ...counters,
  mru: config.mru,
  magicNumber: true,
  protocolFieldCompression: true,
  addressAndControlFieldCompression: true,
  authenticate: config.authentication,
  name: config.name,
  multilink: config.multilink
    ? { mrru: config.mru, shortSequence: false, discriminator: discriminatorOf(hostName) }
    : undefined,
  passive: false,
  echoInterval: config.echoInterval,
  echoFailures: config.echoFailures,
  authenticationTimeout: config.authenticationTimeout,
  rechallengeInterval: 0,
});

const networkSettings = (config: TerminateConfig): NetworkSettings => ({
  ...counters,
  mpls: config.mpls,
  client: false,
});

export function terminationPlans(config: Config): ReadonlyMap<Rule, Plan> {
  const plans = new Map<Rule, Plan>();
  for (const rule of config.policy) {
    if (rule.action.type !== "terminate") continue;
    const { terminate } = rule.action;
    plans.set(rule, {
      rule: rule.name,
      config: terminate,
      link: linkSettings(terminate, config.hostName),
      network: networkSettings(terminate),
    });
  }
  return plans;
}
