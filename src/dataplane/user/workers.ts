/** The data workers as the control thread sees them: started, told what to do one command at a time, stopped. */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { JunctorError } from "../../errors.js";
import { type EventFd, signalEvent } from "../../system/event.js";
import type { Memory } from "../../system/memory.js";
import type { Layout } from "./layout.js";
import type { WorkerAnswer, WorkerCommand, WorkerStart } from "./worker.js";
import { compiledUrl } from "./worker-url.js";

export interface DataWorker {
  /** Resolves with the kernel's id of its thread when it serves. */
  readonly ready: Promise<number>;
  /** Resolves when the worker has done it, with the kernel's id of its thread. @throws JunctorError */
  tell(command: WorkerCommand): Promise<number>;
  stop(): Promise<void>;
}

interface Expected {
  resolve(threadId: number): void;
  reject(error: Error): void;
}

/** `wakes` has an eventfd for each worker, which wakes it; they are closed with it. */
export function startWorker(memory: Memory, layout: Layout, index: number, wakes: readonly EventFd[]): DataWorker {
  const wake = wakes[index - 1]!;
  const { timeOrigin } = performance;
  const { port1: commands, port2: theirs } = new MessageChannel();
  const workerData: WorkerStart = {
    memory: memory.shared,
    layout,
    index,
    wakes: wakes.map(({ fd }) => fd),
    commands: theirs,
    timeOrigin,
  };
  const worker = new Worker(compiledUrl("./worker.js", import.meta.url), {
    workerData,
    transferList: [theirs as MessagePort],
    stdin: false,
  });
  const expected: Expected[] = [];
  const answer = (): Promise<number> => new Promise((resolve, reject) => expected.push({ resolve, reject }));
  const ready = answer();
  const pending = layout.arenas[index]!.commands >> 2;
  const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));

  const refuseAll = (error: Error) => {
    for (const { reject } of expected.splice(0)) reject(error);
  };
  worker.once("exit", (code) => {
    refuseAll(new JunctorError("EPIPE", `data worker ${index} has ended (${code})`));
    // Nobody will ever wait for it again.
    const epoch = layout.arenas[index]!.epoch >> 2;
    Atomics.store(memory.i32, epoch, (Atomics.load(memory.i32, epoch) + 1) & ~1);
    Atomics.notify(memory.i32, epoch);
    commands.close();
    wake.close();
  });
  commands.on("message", (answer: WorkerAnswer) => {
    const next = expected.shift();
    if ("error" in answer) next?.reject(new JunctorError("EIO", `data worker ${index}: ${answer.error}`));
    else next?.resolve(answer.threadId);
  });

  function post(command: WorkerCommand): void {
    commands.postMessage(command);
    Atomics.store(memory.i32, pending, 1);
    signalEvent(wake.fd);
  }

  return {
    ready,
    tell(command) {
      const answered = answer();
      post(command);
      return answered;
    },
    stop() {
      // Its answer may be lost as the thread ends, which is the answer.
      post({ do: "stop" });
      return exited;
    },
  };
}
