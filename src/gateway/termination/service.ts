/** Termination as a whole: begun with the gateway, changed with its configuration, ended with it. */
import type { Config } from "../config/types.js";
import type { Core } from "../core.js";
import { openDevice, routePools, wantsDevice } from "./device.js";
import { createDynamicHandler } from "./dynamic.js";
import { terminationPlans } from "./plan.js";
import { hangUp } from "./subscriber.js";

/** How long accounting may take at the end, milliseconds; what is left is in the store. */
const accountingGrace = 2000;

/** Opens what the terminating rules of a configuration need, and is not there yet. Nothing is changed if it rejects. */
export async function prepareTermination(core: Core, config: Config): Promise<void> {
  const { termination, clock } = core;
  if (!wantsDevice(config)) return;
  if (termination.aaa === undefined) {
    // Only a gateway that terminates needs it, and all that is behind it.
    const { createAaa } = await import("../aaa/index.js");
    const handler = createDynamicHandler(() => core);
    termination.aaa = await createAaa(config.aaa, { clock, random: core.random, log: core.log, handler });
  }
  termination.device ??= await openDevice(core, config);
}

/** Begins to work by the configuration in force. */
export async function configureTermination(core: Core): Promise<void> {
  const { termination, config } = core;
  termination.plans = terminationPlans(config);
  termination.pools.configure(config.pools, core.now());
  await termination.aaa?.configure(config.aaa);
  await routePools(core);
}

export async function stopTermination(core: Core): Promise<void> {
  const { termination, plane } = core;
  await termination.aaa?.stop(accountingGrace);
  termination.aaa = undefined;
  const { device } = termination;
  termination.device = undefined;
  if (device) await plane.port.close({ port: device.port });
}

/** Ends a call that ends here by PPP's own means first. False: it does not end here. */
export function hangUpCall(core: Core, call: number): boolean {
  const member = core.legs.get(call)?.member;
  if (!member) return false;
  if (member.subscriber) hangUp(core, member.subscriber, "admin-reset", "disconnected by the operator");
  else {
    member.cause ??= "admin-reset";
    member.link.close(core.now(), "disconnected by the operator");
    core.termination.settle(member);
  }
  return true;
}
