/** Programs that hold each other. */
import type { XdpMap } from "../../xdp/maps/store.js";
import type { Maps } from "./maps.js";
import type { Program } from "./program-state.js";

/**
 * Programs that nothing but program arrays hold, which nothing but such programs hold, would stay for ever: the arrays are emptied, as
 * the kernel empties them when user space lets go of them.
 */
export function breakCircles(
  programs: readonly Program[],
  maps: Maps,
  bySlot: (slot: number) => Program | undefined,
): void {
  const reached = new Set<Program>();
  const arrays = new Set<XdpMap>();
  const visit = (program: Program | undefined): void => {
    if (program === undefined || reached.has(program)) return;
    reached.add(program);
    program.maps.forEach(look);
  };
  const look = (map: XdpMap): void => {
    if (map.spec.type !== "prog_array" || arrays.has(map)) return;
    arrays.add(map);
    for (const [key] of map.entries()) visit(bySlot(map.number(key) - 1));
  };
  for (const program of programs) {
    if (program.wanted || program.pin !== undefined || program.holds > program.tailHolds) visit(program);
  }
  for (const map of maps.store.list()) if (maps.isKept(map)) look(map);
  const left = programs.filter((program) => !reached.has(program));
  for (const map of new Set(left.flatMap((program) => program.maps))) {
    if (map.spec.type !== "prog_array" || arrays.has(map)) continue;
    for (const [key] of map.entries()) map.withdraw(key);
  }
}
