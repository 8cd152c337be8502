import { createNamespace, type Namespace } from "../peers/netns.js";
import type { Undo } from "../peers/undo.js";
import { type End, startEnd } from "./end.js";
import { bootGuest, type Guest } from "./guest.js";

/**
 * A caller and an LNS in the guest, each on a network of its own, and on the host a namespace that both networks end in:
 *
 *    guest: caller 10.1.0.2 ── west 10.1.0.1  namespace  10.2.0.1 east ── 10.2.0.2 lns :guest
 *
 * Tunnel authentication and AVP hiding are on at both; PPP authenticates by CHAP.
 */
export interface Lab {
  readonly guest: Guest;
  readonly space: Namespace;
  readonly caller: End;
  readonly lns: End;
}

export const west = "10.1.0.1";
export const east = "10.2.0.1";
export const callerAddress = "10.1.0.2";
export const lnsAddress = "10.2.0.2";
/** Tunnel secrets: of the switch with its callers, and of the LNS with whoever calls it. */
export const secrets = { west: "secret-of-the-west", east: "secret-of-the-east" };
/** Host name of the switch, by which the caller picks its secret. */
export const switchName = "junctor";
/** The LNS's own address inside the link, and the first that it gives to a caller. */
export const inside = { lns: "10.9.0.1", caller: "10.9.0.10" };

/** Boots the guest. The caller's `c switch` connects to `west`, its `c direct` to the LNS itself. */
export async function createLab(undo: Undo): Promise<Lab> {
  const space = await createNamespace(undo, "switch");
  const guest = await bootGuest(undo, space, { taps: ["west", "east"], modules: ["virtio_net", "l2tp_ppp"] });
  await space.run(["ip", "address", "add", `${west}/24`, "dev", "west"]);
  await space.run(["ip", "address", "add", `${east}/24`, "dev", "east"]);

  const tunnel = "challenge = yes\nhidden bit = yes\nlength bit = yes\npppoptfile = {options}\n";
  const caller = await startEnd(guest, {
    role: "caller",
    device: "eth0",
    address: `${callerAddress}/24`,
    gateway: west,
    tunnelSecrets: `* ${switchName} ${secrets.west}\n* * ${secrets.east}`,
    config: `[lac switch]\nlns = ${west}\nname = alice\n${tunnel}\n[lac direct]\nlns = ${lnsAddress}\nname = alice\n${tunnel}`,
    pppOptions: "noauth\nmtu 1400\nmru 1400",
    pppSecret: "alice * wonderland *",
  });
  const lns = await startEnd(guest, {
    role: "lns",
    device: "eth1",
    address: `${lnsAddress}/24`,
    gateway: east,
    tunnelSecrets: `* * ${secrets.east}`,
    config: `[lns default]
ip range = ${inside.caller}-10.9.0.20
local ip = ${inside.lns}
name = lns
require authentication = yes
require chap = yes
refuse pap = yes
${tunnel}`,
    pppOptions: "auth\nmtu 1400\nmru 1400",
    pppSecret: "alice lns wonderland *",
  });
  return { guest, space, caller, lns };
}

/** Connects the caller by its section `name` and resolves when PPP is up on both ends. */
export async function connect({ caller, lns }: Lab, name: string): Promise<void> {
  await caller.control(`c ${name}`);
  const up = (address: string) => `for i in $(seq 150); do
    ip -br address show ppp0 2>/dev/null | grep -q 'peer ${address}/32' && exit 0; sleep 0.1; done; exit 1`;
  try {
    await caller.run(up(inside.lns));
    await lns.run(up(inside.caller));
  } catch (error) {
    throw new Error(`${error}\ncaller:\n${await caller.log()}\nlns:\n${await lns.log()}`);
  }
}
