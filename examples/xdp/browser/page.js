// Loads an object with junctor/xdp, runs one of its programs on a frame, and shows what became of it.
//
// ?object=URL&program=NAME&frame=HEX&maps=JSON fills the page in and runs it.
import { assembleXdp, loadXdp, ProgramRefused } from "junctor/xdp";

const element = (id) => document.getElementById(id);

/** Swaps the addresses of an Ethernet frame and sends it back. */
const firstSource = `r6 = *(u32 *)(r1 +0)
r7 = *(u32 *)(r1 +4)
r0 = 1
r2 = r6
r2 += 14
if r2 > r7 goto out
r3 = *(u32 *)(r6 +0)
r4 = *(u16 *)(r6 +4)
r5 = *(u32 *)(r6 +6)
*(u32 *)(r6 +0) = r5
r5 = *(u16 *)(r6 +10)
*(u16 *)(r6 +4) = r5
*(u32 *)(r6 +6) = r3
*(u16 *)(r6 +10) = r4
r0 = 3
out:
exit`;

/** 10.1.0.7 to 198.51.100.9, UDP. */
const firstFrame = `020000000001 020000000002 0800
4500002600004000401106830a010007c6336409
10001001001200005a5a5a5a5a5a5a5a5a5a`;

let object;

function explain(error) {
  const problem = element("problem");
  problem.hidden = error === undefined;
  if (error === undefined) return;
  const log = error instanceof ProgramRefused ? `\n\n${error.log()}` : "";
  problem.textContent = `${error.message}${log}`;
}

function fromHex(text) {
  const digits = text.replaceAll(/\s/g, "");
  if (!/^([\da-f]{2})+$/i.test(digits)) throw new Error("the frame is no whole number of hexadecimal bytes");
  return Uint8Array.from(digits.match(/../g), (byte) => Number.parseInt(byte, 16));
}

/** Sixteen bytes a line; those that changed are marked. */
function show(target, bytes, before) {
  target.replaceChildren();
  for (const [index, byte] of bytes.entries()) {
    const text = byte.toString(16).padStart(2, "0");
    const changed = before.length === bytes.length && before[index] !== byte;
    const part = changed ? document.createElement("mark") : document.createTextNode(text);
    if (changed) part.textContent = text;
    target.append(part, index % 16 === 15 ? "\n" : " ");
  }
}

/** Takes an object file's bytes, or what `assembleXdp` makes. */
function load(source) {
  object = loadXdp(source);
  const names = object.programs.map(({ name }) => name);
  element("program").replaceChildren(...names.map((name) => new Option(name)));
  list();
}

const chosen = () => object.program(element("program").value);

function list() {
  element("listing").textContent = chosen().disassemble();
}

function fillMaps(text) {
  if (text.trim() === "") return;
  for (const [name, entries] of Object.entries(JSON.parse(text))) {
    for (const [key, value] of entries) object.map(name).set(key, value);
  }
}

function run() {
  fillMaps(element("maps").value);
  const before = fromHex(element("frame").value);
  const { action, frame, fault } = chosen().run(before, { engine: element("engine").value });
  element("verdict").textContent = fault === "none" ? `XDP_${action.toUpperCase()}` : `ended by force: ${fault}`;
  show(element("result"), frame, before);
}

/** What is wrong is shown where the page has a place for it. */
const attempt = async (work) => {
  try {
    explain(undefined);
    await work();
  } catch (error) {
    element("verdict").textContent = "";
    explain(error);
  }
};

const assembled = () => load(assembleXdp({ program: element("source").value }));

element("file").addEventListener("change", () =>
  attempt(async () => load(new Uint8Array(await element("file").files[0].arrayBuffer()))),
);
element("source").addEventListener("change", () => attempt(assembled));
element("program").addEventListener("change", () => attempt(list));
element("run").addEventListener("click", () => attempt(run));

const query = new URLSearchParams(location.search);
element("source").value = firstSource;
element("frame").value = query.get("frame") ?? firstFrame;
element("maps").value = query.get("maps") ?? "";
element("engine").value = query.get("engine") ?? "jit";
await attempt(async () => {
  const url = query.get("object");
  if (url === null) assembled();
  else {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    load(new Uint8Array(await response.arrayBuffer()));
  }
  const name = query.get("program");
  if (name !== null) element("program").value = object.program(name).name;
  list();
  run();
});
