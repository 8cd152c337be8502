/**
 * Many writes by one system call: io_uring (io_uring_setup(2)) with its rings inside our own memory. For descriptors that do not
 * block: each write is then done as it is submitted, in order, and none is left under way.
 */
import { errnoName } from "./errno.js";
import { errno, libc } from "./ffi.js";
import { type Memory, storePointer } from "./memory.js";

export interface WriteRing {
  /** How many writes `submit` takes at once. */
  readonly entries: number;
  /** Queues a write of `length` bytes at `at`; at most `entries` before `submit`. */
  add(fd: number, at: number, length: number): void;
  /** Does what is queued. Answers how many writes were done, in whatever way; fewer than were queued only when the ring has failed. */
  submit(): number;
  /** What write(2) would have answered, or the errno negated, by the order of `add`. */
  result(index: number): number;
  close(): void;
}

const entries = 64;
const page = 4096;
/** The same on all architectures. */
const call = { setup: 425, enter: 426 } as const;
/** IORING_SETUP_*: NO_SQARRAY, the newest of them, is of Linux 6.6. */
const setup = { singleIssuer: 1 << 12, deferTaskRun: 1 << 13, noMmap: 1 << 14, noSqArray: 1 << 16 } as const;
const waitForEvents = 1;
const operationWrite = 23;

/** struct io_uring_params with its io_sqring_offsets and io_cqring_offsets. */
const params = { flags: 8, submissionTail: 44, submissionEntries: 72, completionHead: 80, completionTail: 84 } as const;
const completionOffsets = { mask: 88, completions: 100, rings: 112, size: 120 } as const;
/** struct io_uring_sqe and struct io_uring_cqe. */
const submission = { operation: 0, fd: 4, offset: 8, address: 16, length: 24, userData: 32, size: 64 } as const;
const completion = { userData: 0, result: 8, size: 16 } as const;

/** What a ring takes of the memory, at a multiple of 4096: a page each for its rings, for the writes, and for the parameters. */
export const writeRingBytes = 3 * page;

/** For the calling thread alone. Answers undefined where the kernel is too old for it or forbids it. */
export function openWriteRing(memory: Memory, rings: number): WriteRing | undefined {
  const { u32, i32 } = memory;
  const { syscall } = libc();
  const writes = rings + page;
  const asked = writes + page;
  u32.fill(0, rings >> 2, (rings + writeRingBytes) >> 2);
  u32[(asked + params.flags) >> 2] = setup.singleIssuer | setup.deferTaskRun | setup.noMmap | setup.noSqArray;
  storePointer(memory, asked + params.submissionEntries, writes);
  storePointer(memory, asked + completionOffsets.rings, rings);
  const fd = syscall(call.setup, entries, memory.address + asked, 0, 0, 0, 0);
  if (fd < 0) return undefined;

  const ringWord = (field: number): number => (rings + u32[(asked + field) >> 2]!) >> 2;
  const tail = ringWord(params.submissionTail);
  const completionHead = ringWord(params.completionHead);
  const completionTail = ringWord(params.completionTail);
  const mask = u32[ringWord(completionOffsets.mask)]!;
  const completions = ringWord(completionOffsets.completions);
  const results = new Int32Array(entries);
  let queued = 0;

  for (let index = 0; index < entries; index++) {
    const word = (writes + index * submission.size) >> 2;
    u32[word + submission.operation / 4] = operationWrite;
    // The descriptor's own position, for which there is none.
    u32.fill(0xffff_ffff, word + submission.offset / 4, word + submission.offset / 4 + 2);
  }

  /** Takes the results that are there. Answers how many. */
  function collect(): number {
    const end = Atomics.load(i32, completionTail);
    let head = i32[completionHead]!;
    let count = 0;
    for (; head !== end; head = (head + 1) | 0, count++) {
      const word = completions + ((head & mask) * completion.size) / 4;
      results[i32[word + completion.userData / 4]!] = i32[word + completion.result / 4]!;
    }
    Atomics.store(i32, completionHead, head);
    return count;
  }

  return {
    entries,
    add(target, at, length) {
      const place = writes + ((i32[tail]! + queued) & (entries - 1)) * submission.size;
      i32[(place + submission.fd) >> 2] = target;
      storePointer(memory, place + submission.address, at);
      u32[(place + submission.length) >> 2] = length;
      u32[(place + submission.userData) >> 2] = queued++;
    },
    submit() {
      const all = queued;
      queued = 0;
      Atomics.store(i32, tail, (i32[tail]! + all) | 0);
      let [left, done] = [all, 0];
      while (done < all) {
        const taken = syscall(call.enter, fd, left, all - done, waitForEvents, 0, 0);
        if (taken < 0 && errnoName(errno()) !== "EINTR") break;
        left -= Math.max(taken, 0);
        done += collect();
      }
      return done;
    },
    result: (index) => results[index]!,
    close: () => void libc().close(fd),
  };
}
