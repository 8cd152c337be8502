import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createEndpoint } from "../../../src/l2tp/index.js";
import type { CallId, Endpoint, Output, TunnelId } from "../../../src/l2tp/types.js";
import type { Undo } from "../../peers/undo.js";
import type { Random } from "./random.js";

/**
 * A peer that opens a tunnel and calls as it should, on the project's own machine, and then lies in it. Everything that it
 * sends while it behaves is the corpus of what it will mutate.
 */
export interface HostilePeer {
  readonly socket: Socket;
  readonly corpus: readonly Uint8Array[];
  /** What a message must carry to be served: ids that the switch gave, and the next sequence number. */
  target(): { tunnelId: number; sessionId: number; ns: number; nr: number } | undefined;
  /** Sends anything to the switch. */
  send(bytes: Uint8Array): void;
}

const port = 1;

export async function openPeer(
  undo: Undo,
  { from, to, random, calls }: { from: string; to: number; random: Random; calls: number },
): Promise<HostilePeer> {
  const socket = createSocket("udp4");
  socket.bind(0, from);
  await once(socket, "listening");
  undo.defer(() => void socket.close());
  const remote = `127.0.0.1:${to}`;
  const send = (bytes: Uint8Array) => socket.send(bytes, to, "127.0.0.1");

  const corpus: Uint8Array[] = [];
  let endpoint: Endpoint;
  let tunnel: TunnelId | undefined;
  let ready: { tunnelId: number; sessionIds: number[] } | undefined;
  let ns = 0;
  let nr = 0;
  let unanswered = 0;

  const open = () => {
    endpoint = createEndpoint({ hostName: "attacker", random: (length) => random.bytes(length) });
    tunnel = endpoint.openTunnel({ port, remote, helloInterval: 0 }, Date.now());
    ready = undefined;
    unanswered = 0;
    drive();
  };
  const drive = () => {
    for (const output of endpoint.take()) serve(output);
  };
  const peerSessions = new Map<CallId, number>();
  const serve = (output: Output) => {
    if (output.type === "send") {
      if (corpus.length < 256) corpus.push(output.bytes.slice());
      send(output.bytes);
    } else if (output.type === "tunnel-up") {
      for (let n = 0; n < calls; n++) {
        endpoint.openCall(output.tunnel, "incoming", { callSerialNumber: n, callingNumber: "100" }, Date.now());
      }
      drive();
    } else if (output.type === "call-accepted") {
      peerSessions.set(output.call, output.peerSessionId);
      endpoint.connectCall(output.call, { txConnectSpeed: 1e6, framingType: 1 }, Date.now());
      if (peerSessions.size === calls) lie();
      drive();
    } else if (output.type === "tunnel-down") {
      peerSessions.clear();
      tunnel = undefined;
    }
  };
  /** From here on the machine is not asked any more. */
  const lie = () => {
    drive();
    const info = endpoint.tunnel(tunnel!)!;
    ready = { tunnelId: info.peerTunnelId, sessionIds: [...peerSessions.values()] };
    ns = info.transport.ns;
    nr = info.transport.nr;
    peerSessions.clear();
  };

  socket.on("message", (bytes) => {
    if (ready === undefined) {
      endpoint.handle({ port, remote, bytes: new Uint8Array(bytes) }, Date.now());
      drive();
      return;
    }
    if (bytes.length < 12 || (bytes[0]! & 0x80) === 0) return;
    unanswered = 0;
    ns = bytes.readUInt16BE(10);
    if (bytes.length === 12) return;
    nr = (bytes.readUInt16BE(8) + 1) & 0xffff;
    const stopped = bytes.length >= 20 && bytes.readUInt16BE(18) === 4;
    if (stopped) open();
  });
  const timer = setInterval(() => {
    if (ready !== undefined) return;
    endpoint.expire(Date.now());
    drive();
    if (tunnel === undefined) open();
  }, 50);
  undo.defer(() => clearInterval(timer));
  open();

  return {
    socket,
    corpus,
    target() {
      if (ready === undefined) return undefined;
      // The switch has let the tunnel go without a word that we saw: begin anew.
      if (++unanswered > 400) {
        open();
        return undefined;
      }
      return { tunnelId: ready.tunnelId, sessionId: random.pick(ready.sessionIds), ns, nr };
    },
    send,
  };
}
