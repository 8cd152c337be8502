/**
 * A data worker: blocks in ppoll, receives, processes and transmits batches, gives up on missing data that is due, and takes
 * commands. It never returns to its event loop before it is told to stop.
 */
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { clearEvent, signalEvent } from "../../system/event.js";
import { attachMemory, type SharedMemory } from "../../system/memory.js";
import { createPollSet } from "../../system/poll.js";
import { nameThread, pinThread, threadId } from "../../system/thread.js";
import type { Chain } from "./hooks/runner.js";
import type { Layout } from "./layout.js";
import { createPath } from "./path.js";
import type { ProgramCode } from "./program-thread.js";
import { createSocketSender } from "./socket-sender.js";
import type { TunQueue } from "./tun-output.js";
import { createReceiver, type WorkerPort } from "./worker-port.js";
import { createTunReader } from "./worker-tun.js";

export interface WorkerStart {
  readonly memory: SharedMemory;
  readonly layout: Layout;
  /** Its arena; counts from 1. */
  readonly index: number;
  /** An eventfd for each worker that wakes it. */
  readonly wakes: readonly number[];
  readonly commands: MessagePort;
  /** `performance.timeOrigin` of the control thread, whose clock is that of all threads. */
  readonly timeOrigin: number;
}

export type WorkerCommand =
  | { readonly do: "attach"; readonly port: WorkerPort }
  | { readonly do: "attach-tun"; readonly port: number; readonly queue: TunQueue; readonly reads: boolean }
  | { readonly do: "detach"; readonly port: number }
  | { readonly do: "program"; readonly program: ProgramCode }
  | { readonly do: "forget-program"; readonly slot: number }
  | { readonly do: "chain"; readonly index: number; readonly chain: Chain | undefined }
  | { readonly do: "measure"; readonly on: boolean }
  | { readonly do: "pin"; readonly cpu: number }
  | { readonly do: "stop" };

/** The first says that the worker serves, the others answer commands one by one in order. */
export type WorkerAnswer = { readonly threadId: number } | { readonly error: string };

interface ServedPort {
  readonly port: number;
  readonly fd: number;
  /** Takes a batch. Answers whether there may be more. */
  take(now: number): boolean;
  /** Whether there may be more to receive. */
  busy: boolean;
}

/** The longest that a worker blocks, so that the process can end without its co-operation. */
const longestWait = 100;
/** Rounds of receiving from busy ports alone before the others are looked at. */
const busyRounds = 8;
/** Frames from other workers at a time. */
const handedOver = 256;

function run({ memory: shared, layout, index, wakes, commands, timeOrigin }: WorkerStart): void {
  const wake = wakes[index - 1]!;
  nameThread(`junctor-data-${index}`);
  const memory = attachMemory(shared);
  const { i32, u32 } = memory;
  const arena = layout.arenas[index]!;
  const path = createPath({ memory, layout, arena }, { wake: (worker) => signalEvent(wakes[worker - 1]!) });
  const poll = createPollSet(path.region, layout.capacity.ports + 1);
  const receive = createReceiver({ memory, layout, arena }, path);
  const readTun = createTunReader(memory, path);
  const ahead = performance.timeOrigin - timeOrigin;
  const clock = () => performance.now() + ahead;
  const epoch = arena.epoch >> 2;
  const graceWanted = layout.graceWanted >> 2;
  const puntWake = layout.puntWake >> 2;
  const written = arena.puntRing >> 2;
  let ports: ServedPort[] = [];
  let busy = 0;
  let running = true;
  let announced = 0;

  const watch = () => poll.watch([wake, ...ports.map(({ fd }) => fd)]);

  function obey(command: WorkerCommand): void {
    if (command.do === "attach") {
      const { port } = command;
      ports = [...ports, { port: port.port, fd: port.fd, take: (now) => receive(port, now), busy: false }];
      path.transmitter.attach(port.port, createSocketSender(port.fd, memory.address), port.segmentation);
    } else if (command.do === "attach-tun") {
      const { port, queue, reads } = command;
      if (reads) ports = [...ports, { port, fd: queue.fd, take: (now) => readTun(port, queue, now), busy: false }];
      path.tun.attach(port, queue);
    } else if (command.do === "detach") {
      ports = ports.filter(({ port }) => port !== command.port);
      busy = ports.filter((port) => port.busy).length;
      path.transmitter.detach(command.port);
      path.tun.detach(command.port);
    } else if (command.do === "program") path.programs.install(command.program);
    else if (command.do === "forget-program") path.programs.remove(command.slot);
    else if (command.do === "chain") path.programs.chain(command.index, command.chain);
    else if (command.do === "measure") path.programs.measure(command.on);
    else if (command.do === "pin") pinThread(command.cpu);
    else running = false;
    watch();
  }

  function takeCommands(): void {
    Atomics.store(i32, arena.commands >> 2, 0);
    for (
      let message = receiveMessageOnPort(commands);
      message !== undefined;
      message = receiveMessageOnPort(commands)
    ) {
      let answer: WorkerAnswer = { threadId: threadId() };
      try {
        obey(message.message as WorkerCommand);
      } catch (error) {
        answer = { error: error instanceof Error ? error.message : String(error) };
      }
      commands.postMessage(answer);
    }
  }

  /** Says that nothing read before is used any more; `looking` whether reading goes on. */
  function passQuiescentPoint(looking: boolean): void {
    const now = i32[epoch]!;
    const next = looking ? (now | 1) + ((now & 1) << 1) : (now + 1) & ~1;
    Atomics.store(i32, epoch, next | 0);
    if (Atomics.load(i32, graceWanted) !== 0) Atomics.notify(i32, epoch);
  }

  function announcePunts(): void {
    if (u32[written] === announced) return;
    announced = u32[written]!;
    Atomics.add(i32, puntWake, 1);
    Atomics.notify(i32, puntWake);
  }

  /** Blocks until something is to be done; ports with a whole batch behind them are looked at again in any case. */
  function wait(): void {
    passQuiescentPoint(false);
    const deadline = path.deadline();
    const untilDeadline = deadline === Number.POSITIVE_INFINITY ? longestWait : deadline - clock();
    poll.wait(busy > 0 || path.awaited() ? 0 : Math.min(Math.max(untilDeadline, 0), longestWait));
    for (let at = 0; at < ports.length; at++) {
      const port = ports[at]!;
      if (!port.busy && poll.readable(at + 1)) {
        port.busy = true;
        busy++;
      }
    }
    if (poll.readable(0)) clearEvent(wake);
    if (Atomics.load(i32, arena.commands >> 2) !== 0) takeCommands();
  }

  /** Frames that other workers have handed to this one. */
  function takeOver(now: number): void {
    path.begin(now);
    path.takeOver(handedOver);
    path.end();
  }

  watch();
  commands.postMessage({ threadId: threadId() } satisfies WorkerAnswer);
  for (let round = 0; running; round++) {
    if (busy === 0 || round % busyRounds === 0) wait();
    passQuiescentPoint(true);
    const now = clock();
    if (now >= path.deadline()) {
      path.begin(now);
      path.expire(now);
      path.end();
    }
    for (const port of ports) {
      if (!port.busy || port.take(now)) continue;
      port.busy = false;
      busy--;
    }
    if (path.awaited()) takeOver(now);
    announcePunts();
  }
  passQuiescentPoint(false);
  commands.close();
}

run(workerData as WorkerStart);
