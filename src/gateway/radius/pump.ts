import type { Machine } from "../../machine.js";
import type { Clock } from "../clock.js";

export interface Pump {
  /** Sees to it that outputs are taken, once before the event loop goes on, and the machine woken when it is due. */
  pump(): void;
  readonly stopped: boolean;
  stop(): void;
}

/** Hands a machine's outputs on in batches, and wakes it. */
export function createPump<Output>(
  clock: Clock,
  machine: Pick<Machine<never, Output>, "take" | "expire" | "deadline">,
  dispatch: (output: Output) => void,
): Pump {
  let scheduled = false;
  let stopped = false;
  let armedFor = Number.POSITIVE_INFINITY;
  let disarm: (() => void) | undefined;

  const run = (): void => {
    scheduled = false;
    for (let outputs = machine.take(); outputs.length > 0 && !stopped; outputs = machine.take())
      for (const output of outputs) dispatch(output);
    arm();
  };

  const arm = (): void => {
    const at = machine.deadline();
    if (at === undefined || at >= armedFor || stopped) return;
    disarm?.();
    armedFor = at;
    disarm = clock.schedule(at, wake);
  };

  const wake = (): void => {
    armedFor = Number.POSITIVE_INFINITY;
    disarm = undefined;
    if (stopped) return;
    machine.expire(clock.now());
    pump();
  };

  const pump = (): void => {
    if (scheduled || stopped) return;
    scheduled = true;
    queueMicrotask(run);
  };

  return {
    pump,
    get stopped() {
      return stopped;
    },
    stop() {
      stopped = true;
      disarm?.();
    },
  };
}
