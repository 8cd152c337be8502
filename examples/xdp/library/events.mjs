// Records in a ring buffer, lines of a trace, and a host that answers helpers.
import { assembleXdp, loadXdp } from "junctor/xdp";

const text = new TextEncoder().encode("%u bytes\0");
const source = assembleXdp(
  {
    report: `
      r6 = r1
      call bpf_ktime_get_ns
      *(u64 *)(r10 -16) = r0
      r1 = r6
      call bpf_xdp_get_buff_len
      *(u64 *)(r10 -8) = r0
      r1 = map[texts][0]+0 ll
      r2 = ${text.length}
      r3 = r0
      call bpf_trace_printk
      r1 = map[events] ll
      r2 = r10
      r2 += -16
      r3 = 16
      r4 = 0
      call bpf_ringbuf_output
      r0 = 2
      exit`,
  },
  {
    maps: {
      events: { type: "ringbuf", maxEntries: 4096 },
      texts: { type: "array", valueSize: text.length, flags: 128, initial: text },
    },
  },
);

let now = 0;
const host = { now: () => (now += 1000), trace: (line) => console.log("trace:", line) };
const object = loadXdp(source, { host });
for (const length of [60, 1000]) object.program("report").run(new Uint8Array(length));
for (const record of object.map("events").consume()) {
  const view = new DataView(record.buffer);
  console.log(view.getBigUint64(0, true), view.getBigUint64(8, true));
}
