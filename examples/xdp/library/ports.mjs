// node ports.mjs ports.o: an object made by clang -target bpf -O2 -g, its maps and variables by their C types.
import { readFileSync } from "node:fs";
import { loadXdp } from "junctor/xdp";

const object = loadXdp(readFileSync(process.argv[2]), { globals: { longest: 1000 } });
const forward = object.program("forward");
const frame = new Uint8Array(60);
frame.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00]);

// No entry for interface 3: the third argument of bpf_redirect_map is the verdict.
console.log(forward.run(frame, { ingressIfindex: 3 }).action);

object.map("ports").set(3, { ifindex: 9, program: object.program("stamp") });
const { action, to, followed } = forward.run(frame, { ingressIfindex: 3, follow: true });
console.log(action, to.map, to.value, followed[0].action, followed[0].frame.slice(6, 12));

console.log(forward.run(new Uint8Array(1001)).action, object.globals.get("refused"));
for (const [flow, count] of object.map("flows").entries()) console.log(flow, count);
