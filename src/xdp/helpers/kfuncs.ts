/**
 * Functions that a program calls by symbol (`extern … __ksym`), numbered by us. Those of our own tell what a kernel cannot: whose the
 * frame is. They are best declared `__weak`, so that an object loads elsewhere too.
 */
import type { Signature } from "./signature.js";

const tag = (id: number, name: string, summary: string): Signature => ({
  id,
  name,
  arguments: ["context"],
  returns: "unsigned",
  summary,
});

export const kfuncs: readonly Signature[] = [
  tag(1, "junctor_session", "number of the session that the frame belongs to; 0: none"),
  tag(2, "junctor_user", "number of the user whose frame it is; 0: none"),
  tag(3, "junctor_tunnel", "number of the tunnel that the frame came by or goes by; 0: none"),
  tag(4, "junctor_policy", "policy tag of the session; 0: none"),
  tag(5, "junctor_device", "number of the device that the program runs for"),
  {
    id: 6,
    name: "bpf_xdp_metadata_rx_timestamp",
    arguments: ["context", "fixed-memory-uninit"],
    bytes: 8,
    returns: "integer",
    summary: "-EOPNOTSUPP: no device here stamps frames",
  },
  {
    id: 7,
    name: "bpf_xdp_metadata_rx_hash",
    arguments: ["context", "fixed-memory-uninit", "fixed-memory-uninit"],
    bytes: 4,
    returns: "integer",
    summary: "-EOPNOTSUPP: no device here hashes frames",
  },
  {
    id: 8,
    name: "bpf_xdp_metadata_rx_vlan_tag",
    arguments: ["context", "fixed-memory-uninit", "fixed-memory-uninit"],
    bytes: 2,
    returns: "integer",
    summary: "-EOPNOTSUPP: tags are in the frame here",
  },
  {
    id: 9,
    name: "bpf_dynptr_from_xdp",
    arguments: ["context", "anything", "dynptr-uninit"],
    wide: [1],
    returns: "integer",
    summary: "a dynptr of the frame",
  },
];

const byId = new Map(kfuncs.map((kfunc) => [kfunc.id, kfunc]));
const byName = new Map(kfuncs.map((kfunc) => [kfunc.name, kfunc]));

export function kfuncById(id: number): Signature | undefined {
  return byId.get(id);
}

export function kfuncByName(name: string): Signature | undefined {
  return byName.get(name);
}
