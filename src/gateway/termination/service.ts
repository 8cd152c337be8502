/** Termination as a whole: begun with the gateway, changed with its configuration, ended with it. */
import type { Config } from "../config/types.js";
import type { Core } from "../core.js";
import { addRoutes, keepRoutes, openDevice, wantsDevice } from "./device.js";
import { createDynamicHandler } from "./dynamic.js";
import { terminationPlans } from "./plan.js";
import { hangUp } from "./subscriber.js";

/** How long accounting may take at the end, milliseconds; what is left is in the store. */
const accountingGrace = 2000;

/**
 * Opens what the terminating rules of a configuration need, and is not there yet. Nothing is changed if it rejects. Answers how to let go
 * of it, should the configuration not come.
 */
export async function prepareTermination(core: Core, config: Config): Promise<() => Promise<void>> {
  const { termination, clock } = core;
  if (!wantsDevice(config)) return async () => {};
  const wasThere = termination.device !== undefined;
  const forget = (): Promise<void> => (wasThere ? keepRoutes(core, core.config) : stopTermination(core));
  try {
    if (termination.aaa === undefined) {
      // Only a gateway that terminates needs it, and all that is behind it.
      const { createAaa } = await import("../aaa/index.js");
      const handler = createDynamicHandler(() => core);
      termination.aaa = await createAaa(config.aaa, { clock, random: core.random, log: core.log, handler });
    }
    termination.device ??= await openDevice(core, config);
    await addRoutes(core, config);
    return forget;
  } catch (error) {
    await forget();
    throw error;
  }
}

/** Begins to work by the configuration in force, for which everything is prepared. */
export async function configureTermination(core: Core): Promise<void> {
  const { termination, config } = core;
  termination.plans = terminationPlans(config);
  termination.pools.configure(config.pools, core.now());
  termination.aaa?.configure(config.aaa);
  await keepRoutes(core, config);
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
