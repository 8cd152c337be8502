import type { Output } from "../l2tp/types.js";
import type { Clock } from "./clock.js";
import { confirmAcknowledged } from "./confirming.js";
import type { Core } from "./core.js";
import { attemptTimedOut } from "./forwarding.js";
import { linkExpired, subscriberExpired } from "./termination/index.js";
import { idleTimedOut } from "./tunnels.js";

/** Runs the machine: in answer to what came in, and when it is time. */
export interface Driver {
  pump(): void;
  /** Resolves when `done` holds, at the latest at `at`. */
  until(done: () => boolean, at: number): Promise<void>;
  stop(): void;
}

/** Hands on what the machine puts out, and wakes it and the gateway's own deadlines when they are due. */
export function createDriver(clock: Clock, coreOf: () => Core, dispatch: (core: Core, output: Output) => void): Driver {
  let scheduled = false;
  let stopped = false;
  let armedFor = Number.POSITIVE_INFINITY;
  let disarm: (() => void) | undefined;
  let waiter: { readonly done: () => boolean; readonly resolve: () => void } | undefined;

  const pump = (): void => {
    if (scheduled || stopped) return;
    scheduled = true;
    queueMicrotask(run);
  };

  const run = (): void => {
    const core = coreOf();
    for (;;) {
      const outputs = core.endpoint.take();
      if (outputs.length === 0) break;
      for (const output of outputs) {
        // One call's mishap is not the others'.
        try {
          dispatch(core, output);
        } catch (error) {
          core.track(Promise.reject(error));
        }
      }
    }
    confirmAcknowledged(core);
    scheduled = false;
    arm(core);
    if (waiter?.done()) waiter.resolve();
  };

  const arm = (core: Core): void => {
    const { members, subscribers } = core.termination;
    const at = earliest(
      core.endpoint.deadline(),
      core.setups.next(),
      core.idle.next(),
      members.next(),
      subscribers.next(),
    );
    if (at >= armedFor || stopped) return;
    disarm?.();
    armedFor = at;
    disarm = clock.schedule(at, wake);
  };

  const wake = (): void => {
    const core = coreOf();
    const now = clock.now();
    armedFor = Number.POSITIVE_INFINITY;
    disarm = undefined;
    core.endpoint.expire(now);
    for (const setup of core.setups.due(now)) attemptTimedOut(core, setup);
    for (const tunnel of core.idle.due(now)) idleTimedOut(core, tunnel);
    for (const member of core.termination.members.due(now)) linkExpired(core, member);
    for (const subscriber of core.termination.subscribers.due(now)) subscriberExpired(core, subscriber);
    pump();
  };

  return {
    pump,
    async until(done, at) {
      if (done()) return;
      await new Promise<void>((resolve) => {
        const giveUp = clock.schedule(at, resolve);
        waiter = {
          done,
          resolve: () => {
            giveUp();
            resolve();
          },
        };
        pump();
      });
      waiter = undefined;
    },
    stop() {
      stopped = true;
      disarm?.();
    },
  };
}

const earliest = (...times: readonly (number | undefined)[]): number =>
  times.reduce<number>((least, time) => (time !== undefined && time < least ? time : least), Number.POSITIVE_INFINITY);
