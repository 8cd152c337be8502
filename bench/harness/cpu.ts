import { readdirSync, readFileSync } from "node:fs";

/**
 * Seconds of CPU that the threads of a process have used so far, system calls and the softirqs run in them included. It is
 * exact while they sleep, and lags by a scheduler tick while they run.
 */
export function cpuSeconds(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return nanoseconds * 1e-9;
}

/** The cores that we may run on, from Cpus_allowed_list as in `0-3,8`. */
export function allowedCores(): number[] {
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
