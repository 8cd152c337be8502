// docs/xdp-reference.md: instructions, maps, helpers and kfuncs of XDP programs, from their tables.
import { kernelHelperName } from "../../dist/xdp/helpers/names.js";
import { absentHelpers, helperDifferences, helpers, instructionSet, kfuncs, mapTypes } from "../../dist/xdp/index.js";
import { code, notice, parts, table } from "./text.mjs";

const introduction = `What XDP programs can use, beside what Linux 6.18 gives them. [xdp-library.md](xdp-library.md) is about the library that runs them.
"Here" is both the engine and the library; a dash says that it is as in the kernel. That helpers and maps do what the kernel's do is tested
against the running kernel (\`test/host/xdp-helpers-kernel.test.ts\`, \`test/host/xdp-maps-kernel.test.ts\`), generated programs too.`;

const groups = {
  base32: "arithmetic and jumps of 32 bits, loads and stores",
  base64: "the same of 64 bits",
  divmul32: "multiplication and division of 32 bits",
  divmul64: "multiplication and division of 64 bits",
  atomic32: "atomic operations on 32 bits",
  atomic64: "atomic operations on 64 bits",
  packet: "the legacy loads of packets",
  none: "in other implementations, not in RFC 9669",
};

const hex = (opcode) => `0x${opcode.toString(16).padStart(2, "0")}`;
const operandText = (text) =>
  text
    .replaceAll(/\{([rw])d\}/g, "$1D")
    .replaceAll(/\{([rw])s\}/g, "$1S")
    .replaceAll(/\{(?:jumpl?|local)\}/g, "pc+N")
    .replaceAll("{off}", "+OFF")
    .replaceAll(/\{(?:imm|hex|shift|number|wide)\}/g, "N")
    .replaceAll(/\{(?:helper|kfunc|function)\}/g, "NAME")
    .replaceAll("{map}", "MAP")
    .replaceAll("{value}", "+OFF");

const instructions = () => [
  "## Instructions",
  `RFC 9669 whole, in the assembly of the kernel's verifier, which \`junctor program dump\` prints and \`assembleXdp\` reads. \`D\` and \`S\` are
registers from 0 to 10, \`w\` their lower half. \`-mcpu\` is the version of compilers that have it.`,
  ...Object.entries(groups).flatMap(([group, summary]) => {
    const rows = instructionSet.filter((row) => row.group === group);
    return [
      `### ${group}: ${summary}`,
      table(
        ["name", "instruction", "opcode", "-mcpu", "RFC 9669", "here"],
        rows.map(({ name, text, opcode, version, section, refused }) => [
          code(name),
          code(operandText(text)),
          hex(opcode),
          `v${version}`,
          group === "none" ? "—" : `§${section}`,
          refused === undefined ? "—" : `refused: ${refused}`,
        ]),
      ),
    ];
  }),
];

// What each type is for in the kernel, and what is otherwise here.
const maps = {
  hash: ["values by key", "always allocated beforehand"],
  array: ["values by index", ""],
  prog_array: ["programs for tail calls", "values are programs of the engine, by name or id"],
  perf_event_array: ["a ring of records for each CPU", "a ring of its own for each thread, there from the start"],
  percpu_hash: ["a value for each CPU by key", "a value for each worker; the control thread sees all of them"],
  percpu_array: ["a value for each CPU by index", "a value for each worker; the control thread sees all of them"],
  lru_hash: ["a hash that gives up what was not used lately", "gives up by a second-chance clock, one for all workers"],
  lru_percpu_hash: ["the same with a value for each CPU", "as lru_hash, a value for each worker"],
  lpm_trie: ["values by longest prefix", "keys are kept without the bits behind their prefix; at most 2^21 entries"],
  array_of_maps: ["maps by index", ""],
  hash_of_maps: ["maps by key", ""],
  devmap: ["devices by index, each with a program", "devices of the engine"],
  cpumap: ["CPUs by index, each with a program", "workers, by their number"],
  xskmap: ["AF_XDP sockets by queue", "consumers in JavaScript"],
  queue: ["values, first in first out", ""],
  stack: ["values, last in first out", ""],
  devmap_hash: ["devices by key, each with a program", "devices of the engine"],
  ringbuf: ["records for user space, in one ring", ""],
  bloom_filter: ["whether a value may be in a set", "hashes of our own: other false positives"],
};

const mapTable = () => [
  "## Maps",
  table(
    ["type", "number", "kernel", "here"],
    Object.entries(mapTypes).map(([type, number]) => {
      const about = maps[type];
      if (about === undefined) throw new Error(`scripts/docs/xdp.mjs says nothing of maps of type ${type}`);
      return [code(type), number, about[0], about[1] || "—"];
    }),
  ),
  `All lie in memory that workers and the control thread share, and are read by compiled programs in place. Spin locks in values, BTF of keys and
values, read-only and write-only flags, freezing, batch operations and pinning by name are there; \`BPF_F_MMAPABLE\` has nothing to map. Other
types of the kernel (sockets, control groups, local storage, struct_ops, arena) are refused by name when an object is loaded.`,
];

const call = ({ name, arguments: kinds, returns }, prefix) =>
  code(`${prefix}${name}(${kinds.join(", ")}) → ${returns}`);

const helperTable = () => [
  "## Helpers",
  `Arguments are named by what the verifier wants them to be; the rules are the kernel's. "GPL": only for programs with a licence compatible with
it.`,
  table(
    ["number", "helper", "what it does", "kernel", "here"],
    [...helpers]
      .sort((one, other) => one.id - other.id)
      .map((helper) => [
        helper.id,
        call(helper, "bpf_"),
        helper.summary,
        helper.gplOnly ? "GPL" : "yes",
        helperDifferences.get(helper.id) ?? "—",
      ]),
  ),
  "Helpers that the kernel has for XDP programs and that are not here; a program that calls one is refused with the reason:",
  table(
    ["number", "helper", "why"],
    [...absentHelpers]
      .sort(([one], [other]) => one - other)
      .map(([id, why]) => [id, code(`bpf_${kernelHelperName(id)}`), why]),
  ),
];

const kfuncTable = () => [
  "## Kfuncs",
  `Functions that a program declares \`extern … __ksym\`. Those that begin with \`junctor_\` tell what no kernel can, and are best declared
\`__weak\` too, so that the object loads elsewhere.`,
  table(
    ["kfunc", "what it does", "kernel"],
    kfuncs.map((kfunc) => [
      call(kfunc, ""),
      kfunc.summary,
      kfunc.name.startsWith("junctor_") ? "no" : kfunc.name.includes("metadata") ? "on devices that have it" : "yes",
    ]),
  ),
];

export const xdp = () =>
  parts(
    notice.trim(),
    "# XDP programs: instructions, maps, helpers",
    introduction,
    instructions(),
    mapTable(),
    helperTable(),
    kfuncTable(),
  );
