// Drops what comes from one Ethernet address, and counts it.
import { assembleXdp, loadXdp } from "junctor/xdp";

const source = assembleXdp(
  {
    filter: `
      r2 = *(u32 *)(r1 +0)      ; data
      r3 = *(u32 *)(r1 +4)      ; data_end
      r4 = r2
      r4 += 14
      if r4 > r3 goto pass      ; shorter than an Ethernet header
      *(u64 *)(r10 -8) = 0
      r4 = *(u32 *)(r2 +6)      ; the source address: 4 bytes, and 2
      *(u32 *)(r10 -8) = r4
      r4 = *(u16 *)(r2 +10)
      *(u16 *)(r10 -4) = r4
      r2 = r10
      r2 += -8
      r1 = map[blocked] ll
      call bpf_map_lookup_elem
      if r0 == 0 goto pass
      r1 = 1
      lock *(u64 *)(r0 +0) += r1
      r0 = 1                    ; XDP_DROP
      exit
    pass:
      r0 = 2                    ; XDP_PASS
      exit`,
  },
  { maps: { blocked: { type: "hash", keySize: 8, valueSize: 8, maxEntries: 1024 } } },
);

const object = loadXdp(source);
const filter = object.program("filter");
const frame = new Uint8Array(64);
frame.set([2, 0, 0, 0, 0, 7], 6);
console.log(filter.run(frame).action);

const address = Uint8Array.of(2, 0, 0, 0, 0, 7, 0, 0);
object.map("blocked").set(address, 0n);
console.log(filter.run(frame).action, filter.run(frame).action);
console.log(object.map("blocked").get(address));
