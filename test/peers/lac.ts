/** A LAC over real UDP, inside a namespace: one tunnel to an LNS, and calls that carry PPP frames. */
import { randomBytes } from "node:crypto";
import { createEndpoint } from "../../src/l2tp/index.js";
import type { CallId, Ended, Output, Result, TunnelId } from "../../src/l2tp/types.js";
import { splitSocketAddress } from "../../src/system/index.js";
import type { AvpValues } from "../../src/wire/l2tp2-avp.js";
import { dataMessage, readData } from "../sim/gateway-data.js";
import type { Namespace } from "./netns.js";
import { udpInside } from "./udp.js";
import type { Undo } from "./undo.js";

export interface LacCall {
  up(): void;
  frame(bytes: Uint8Array): void;
  down(ended: Ended): void;
}

export interface Lac {
  place(avps: AvpValues, call: LacCall): CallId;
  send(call: CallId, frame: Uint8Array): void;
  hangUp(call: CallId, result: Result): void;
  /** From now on everything of this call is lost, both ways, as when a line is cut. */
  cut(call: CallId): void;
}

export interface LacOptions {
  readonly local: string;
  readonly lns: string;
}

export function startLac(undo: Undo, space: Namespace, { local, lns }: LacOptions): Lac {
  const socket = udpInside(undo, space, local);
  const remote = splitSocketAddress(lns);
  const endpoint = createEndpoint({ hostName: "lac", random: (length) => randomBytes(length) });
  const calls = new Map<CallId, LacCall>();
  const ids = new Map<CallId, { readonly tunnel: number; readonly session: number }>();
  let tunnel: TunnelId | undefined;
  let timer: NodeJS.Timeout | undefined;
  let serial = 0;

  const transmit = (bytes: Uint8Array): void => socket.send(bytes, remote.port, remote.address);

  const on = (output: Output): void => {
    switch (output.type) {
      case "send":
        transmit(output.bytes);
        return;
      case "tunnel-down":
        tunnel = undefined;
        return;
      case "call-accepted":
        endpoint.connectCall(output.call, { txConnectSpeed: 100_000_000, framingType: 1 }, Date.now());
        return;
      case "call-up": {
        const info = endpoint.call(output.call);
        const carrier = info && endpoint.tunnel(info.tunnel);
        if (info && carrier) ids.set(output.call, { tunnel: carrier.peerTunnelId, session: info.peerSessionId });
        calls.get(output.call)?.up();
        return;
      }
      case "call-down":
        calls.get(output.call)?.down(output.ended);
        calls.delete(output.call);
        ids.delete(output.call);
        return;
    }
  };

  const pump = (): void => {
    for (let outputs = endpoint.take(); outputs.length > 0; outputs = endpoint.take()) outputs.forEach(on);
    clearTimeout(timer);
    const at = endpoint.deadline();
    if (at === undefined) return;
    timer = setTimeout(
      () => {
        endpoint.expire(Date.now());
        pump();
      },
      Math.max(0, at - Date.now()),
    );
  };
  undo.defer(() => clearTimeout(timer));

  socket.on("message", (bytes, from) => {
    const data = readData(bytes);
    if (data) calls.get(data.tunnelId * 0x10000 + data.sessionId)?.frame(data.frame);
    else {
      endpoint.handle({ port: 1, remote: `${from.address}:${from.port}`, bytes }, Date.now());
      pump();
    }
  });

  return {
    place(avps, call) {
      tunnel ??= endpoint.openTunnel({ port: 1, remote: lns }, Date.now());
      const id =
        tunnel &&
        endpoint.openCall(tunnel, "incoming", { callSerialNumber: ++serial, bearerType: 1, ...avps }, Date.now());
      if (id === undefined) throw new Error("the LAC has no room for a call");
      calls.set(id, call);
      pump();
      return id;
    },
    send(call, frame) {
      const id = ids.get(call);
      if (id) transmit(dataMessage(id.tunnel, id.session, frame));
    },
    hangUp(call, result) {
      endpoint.closeCall(call, result, Date.now());
      pump();
    },
    cut(call) {
      ids.delete(call);
      const { down = () => {} } = calls.get(call) ?? {};
      calls.set(call, { up() {}, frame() {}, down });
    },
  };
}
