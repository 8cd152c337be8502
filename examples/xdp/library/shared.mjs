// Two objects that share a map, and one program that goes on with another.
import { assembleXdp, loadXdp } from "junctor/xdp";

const count = (verdict) => `
  *(u32 *)(r10 -4) = 0
  r2 = r10
  r2 += -4
  r1 = map[seen] ll
  call bpf_map_lookup_elem
  if r0 == 0 goto +2
  r1 = 1
  lock *(u64 *)(r0 +0) += r1
  r0 = ${verdict}
  exit`;
const seen = { type: "array", valueSize: 8 };
const jumps = { type: "prog_array", maxEntries: 8 };

const entry = `
  r2 = map[jumps] ll
  r3 = 5
  call bpf_tail_call            ; does not come back if there is a program
  r0 = 2
  exit`;
const first = loadXdp(assembleXdp({ entry }, { maps: { jumps, seen } }));
const second = loadXdp(assembleXdp({ counting: count(1) }, { maps: { seen } }), {
  maps: { seen: first.map("seen") },
});

const run = () => first.program("entry").run(new Uint8Array(60)).action;
console.log(run());
first.map("jumps").set(5, second.program("counting"));
console.log(run(), first.map("seen").get(0));
first.map("jumps").delete(5);
console.log(run());
