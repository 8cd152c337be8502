/** Types that CO-RE relocations are resolved against: what XDP programs see of the kernel, laid out as here. */
import type { Btf, BtfMember, BtfType } from "../btf/btf.js";

type Field = readonly [name: string, type: string, offset: number, bits?: number];

const integers: Readonly<Record<string, readonly [size: number, signed: boolean]>> = {
  u8: [1, false],
  u16: [2, false],
  u32: [4, false],
  u64: [8, false],
  s32: [4, true],
};

/** Offsets in bits: of bit fields as little-endian compilers lay them out. `u8[6]` is an array. */
const records: Readonly<Record<string, readonly [size: number, fields: readonly Field[]]>> = {
  xdp_md: [
    24,
    ["data", "data_end", "data_meta", "ingress_ifindex", "rx_queue_index", "egress_ifindex"].map(
      (name, index): Field => [name, "u32", index * 32],
    ),
  ],
  bpf_devmap_val: [8, [["ifindex", "u32", 0]]],
  bpf_cpumap_val: [8, [["qsize", "u32", 0]]],
  ethhdr: [
    14,
    [
      ["h_dest", "u8[6]", 0],
      ["h_source", "u8[6]", 48],
      ["h_proto", "u16", 96],
    ],
  ],
  // Without a name, as brackets say: round ones of a union, curly ones of a struct.
  "(in6)": [
    16,
    [
      ["u6_addr8", "u8[16]", 0],
      ["u6_addr16", "u16[8]", 0],
      ["u6_addr32", "u32[4]", 0],
    ],
  ],
  in6_addr: [16, [["in6_u", "(in6)", 0]]],
  // Addresses are a group: found in the header, and by the group's name.
  "{addresses4}": [
    8,
    [
      ["saddr", "u32", 0],
      ["daddr", "u32", 32],
    ],
  ],
  "{addresses6}": [
    32,
    [
      ["saddr", "in6_addr", 0],
      ["daddr", "in6_addr", 128],
    ],
  ],
  iphdr: [
    20,
    [
      ["ihl", "u8", 0, 4],
      ["version", "u8", 4, 4],
      ["tos", "u8", 8],
      ["tot_len", "u16", 16],
      ["id", "u16", 32],
      ["frag_off", "u16", 48],
      ["ttl", "u8", 64],
      ["protocol", "u8", 72],
      ["check", "u16", 80],
      ["saddr", "u32", 96],
      ["daddr", "u32", 128],
      ["addrs", "{addresses4}", 96],
    ],
  ],
  ipv6hdr: [
    40,
    [
      ["priority", "u8", 0, 4],
      ["version", "u8", 4, 4],
      ["flow_lbl", "u8[3]", 8],
      ["payload_len", "u16", 32],
      ["nexthdr", "u8", 48],
      ["hop_limit", "u8", 56],
      ["saddr", "in6_addr", 64],
      ["daddr", "in6_addr", 192],
      ["addrs", "{addresses6}", 64],
    ],
  ],
  tcphdr: [
    20,
    [
      ["source", "u16", 0],
      ["dest", "u16", 16],
      ["seq", "u32", 32],
      ["ack_seq", "u32", 64],
      ...["res1:4", "doff:4", "fin:1", "syn:1", "rst:1", "psh:1", "ack:1", "urg:1", "ece:1", "cwr:1"].map(
        (text, index): Field => {
          const [name, bits] = text.split(":") as [string, string];
          return [name, "u16", index < 2 ? 96 + index * 4 : 102 + index, Number(bits)];
        },
      ),
      ["window", "u16", 112],
      ["check", "u16", 128],
      ["urg_ptr", "u16", 144],
    ],
  ],
  udphdr: [8, ["source", "dest", "len", "check"].map((name, index): Field => [name, "u16", index * 16])],
  vlan_hdr: [
    4,
    [
      ["h_vlan_TCI", "u16", 0],
      ["h_vlan_encapsulated_proto", "u16", 16],
    ],
  ],
  icmphdr: [
    8,
    [
      ["type", "u8", 0],
      ["code", "u8", 8],
      ["checksum", "u16", 16],
    ],
  ],
};

const enums: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  xdp_action: { XDP_ABORTED: 0, XDP_DROP: 1, XDP_PASS: 2, XDP_TX: 3, XDP_REDIRECT: 4 },
};

function build(): Btf {
  const types: BtfType[] = [{ kind: "void" }];
  const ids = new Map<string, number>();
  const idOf = (name: string): number => {
    const known = ids.get(name);
    if (known !== undefined) return known;
    const array = /^(\w+)\[(\d+)\]$/.exec(name);
    const [size, signed] = integers[name] ?? [0, false];
    const type: BtfType =
      array === null
        ? { kind: "int", name, size, signed, char: false, bool: false, bits: size * 8, offset: 0 }
        : { kind: "array", type: idOf(array[1]!), indexType: idOf("u32"), count: Number(array[2]) };
    ids.set(name, types.push(type) - 1);
    return types.length - 1;
  };
  for (const [name, [size, fields]] of Object.entries(records)) {
    const members = fields.map(
      ([field, type, offset, bits = 0]): BtfMember => ({ name: field, type: idOf(type), offset, bits }),
    );
    const named = /^\w/.test(name);
    const kind = name.startsWith("(") ? "union" : "struct";
    const type: BtfType = { kind, name: named ? name : "", size, members };
    ids.set(name, types.push(type) - 1);
  }
  for (const [name, values] of Object.entries(enums)) {
    const list = Object.entries(values).map(([key, value]) => ({ name: key, value: BigInt(value) }));
    types.push({ kind: "enum", name, size: 4, signed: false, values: list });
  }
  return { types };
}

export const coreTypes: Btf = build();
