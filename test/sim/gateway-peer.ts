/** A LAC or LNS around the switch: an endpoint of its own on the simulated network, and what it saw. */
import type {
  CallId,
  Ended,
  Endpoint,
  EndpointOptions,
  Output,
  Result,
  TunnelId,
  TunnelSettings,
} from "../../src/l2tp/types.js";
import type { AvpValues } from "../../src/wire/l2tp2-avp.js";
import { dataMessage, readData } from "./gateway-data.js";
import type { World } from "./gateway-world.js";

export interface PeerCall {
  readonly call: CallId;
  /** Of the ICRQ, to find the same call on the other side. */
  readonly serial: number;
  state: "setting-up" | "up" | "down";
  ended: Ended | undefined;
  icrq: AvpValues;
  iccn: AvpValues;
  /** Frames received, as text. */
  readonly frames: string[];
  /** WEN and SLI received. */
  readonly notices: AvpValues[];
}

export interface PeerOptions {
  readonly settings?: TunnelSettings;
  /** What an LNS says to a call; undefined accepts it. */
  readonly answer?: (avps: AvpValues) => Result | "never" | undefined;
  /** What it says to a tunnel; undefined accepts it. */
  readonly answerTunnel?: () => Result | undefined;
  /** Frames sent as soon as the call is up. */
  readonly greet?: string;
  readonly maxCalls?: number;
  /** Takes frames in their bytes, and is told when a call is up. */
  readonly frames?: (call: CallId, bytes: Uint8Array) => void;
  readonly up?: (call: CallId) => void;
}

export interface Peer {
  readonly address: string;
  readonly endpoint: Endpoint;
  readonly calls: Map<CallId, PeerCall>;
  readonly tunnels: Map<TunnelId, "setting-up" | "up" | Ended>;
  options: PeerOptions;
  open(remote: string): TunnelId;
  place(tunnel: TunnelId, icrq: AvpValues, iccn: AvpValues): PeerCall;
  hangUp(call: CallId, result: Result): void;
  closeTunnel(tunnel: TunnelId, result: Result): void;
  send(call: CallId, text: string): void;
  sendFrame(call: CallId, bytes: Uint8Array): void;
  /** From now on speaks from and listens at another address. */
  move(address: string): void;
  notify(call: CallId, kind: "wen" | "sli", avps: AvpValues): void;
  /** Calls of the other side by serial number; the newest counts. */
  bySerial(serial: number): PeerCall | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function createPeer(
  world: World,
  createEndpoint: (options: EndpointOptions) => Endpoint,
  first: string,
  options: PeerOptions = {},
): Peer {
  let address = first;
  const endpoint = createEndpoint({ hostName: `host-${address}`, random: world.bytes });
  const calls = new Map<CallId, PeerCall>();
  const iccns = new Map<CallId, AvpValues>();
  const tunnels = new Map<TunnelId, "setting-up" | "up" | Ended>();
  const serials = new Map<number, PeerCall>();
  let disarm: (() => void) | undefined;

  const transmit = (call: CallId, frame: Uint8Array): void => {
    const info = endpoint.call(call);
    const tunnel = info && endpoint.tunnel(info.tunnel);
    if (info && tunnel) {
      world.network.send(address, tunnel.remote, dataMessage(tunnel.peerTunnelId, info.peerSessionId, frame));
    }
  };

  const send = (call: CallId, text: string): void => transmit(call, encoder.encode(text));

  const add = (call: CallId, icrq: AvpValues): PeerCall => {
    const serial = icrq.callSerialNumber ?? 0;
    const record: PeerCall = {
      call,
      serial,
      state: "setting-up",
      ended: undefined,
      icrq,
      iccn: {},
      frames: [],
      notices: [],
    };
    calls.set(call, record);
    serials.set(serial, record);
    return record;
  };

  const on = (output: Output): void => {
    const now = world.now();
    switch (output.type) {
      case "send":
        world.network.send(address, output.remote, output.bytes);
        return;
      case "tunnel-request": {
        const refusal = peer.options.answerTunnel?.();
        if (refusal) endpoint.rejectTunnel(output.tunnel, refusal, now);
        else {
          tunnels.set(output.tunnel, "setting-up");
          endpoint.acceptTunnel(output.tunnel, peer.options.settings ?? {}, now);
        }
        return;
      }
      case "tunnel-up":
        tunnels.set(output.tunnel, "up");
        return;
      case "tunnel-down":
        tunnels.set(output.tunnel, output.ended);
        return;
      case "call-request": {
        add(output.call, output.avps);
        const answer = peer.options.answer?.(output.avps);
        if (answer === undefined) endpoint.acceptCall(output.call, {}, now);
        else if (answer !== "never") endpoint.closeCall(output.call, answer, now);
        return;
      }
      case "call-accepted":
        endpoint.connectCall(output.call, iccns.get(output.call) ?? {}, now);
        return;
      case "call-up": {
        const record = calls.get(output.call)!;
        record.state = "up";
        record.iccn = output.avps;
        if (peer.options.greet !== undefined) send(output.call, `${peer.options.greet} ${record.serial}`);
        peer.options.up?.(output.call);
        return;
      }
      case "call-down": {
        const record = calls.get(output.call);
        if (!record) return;
        if (record.state === "down") throw new Error(`call ${output.call} went down twice`);
        record.state = "down";
        record.ended = output.ended;
        return;
      }
      case "wan-error-notify":
      case "set-link-info":
        calls.get(output.call)?.notices.push(output.avps);
        return;
      case "tunnel-moved":
        return;
    }
  };

  const pump = (): void => {
    for (let outputs = endpoint.take(); outputs.length > 0; outputs = endpoint.take())
      for (const output of outputs) on(output);
    disarm?.();
    const at = endpoint.deadline();
    disarm =
      at === undefined
        ? undefined
        : world.schedule(at, () => {
            disarm = undefined;
            endpoint.expire(world.now());
            pump();
          });
  };

  const receive = (remote: string, bytes: Uint8Array): void => {
    const data = readData(bytes);
    if (!data) endpoint.handle({ port: 1, remote, bytes }, world.now());
    else {
      const record = calls.get(data.tunnelId * 0x10000 + data.sessionId);
      if (record?.state === "up" && peer.options.frames) peer.options.frames(record.call, data.frame);
      else if (record?.state === "up") record.frames.push(decoder.decode(data.frame));
    }
    pump();
  };
  world.network.attach(address, receive);

  const peer: Peer = {
    address,
    endpoint,
    calls,
    tunnels,
    options,
    open(remote) {
      const tunnel = endpoint.openTunnel({ ...peer.options.settings, port: 1, remote }, world.now());
      if (tunnel === undefined) throw new Error("no tunnel");
      tunnels.set(tunnel, "setting-up");
      pump();
      return tunnel;
    },
    place(tunnel, icrq, iccn) {
      const call = endpoint.openCall(tunnel, "incoming", icrq, world.now());
      if (call === undefined) throw new Error("no call");
      iccns.set(call, iccn);
      const record = add(call, icrq);
      pump();
      return record;
    },
    hangUp(call, result) {
      endpoint.closeCall(call, result, world.now());
      pump();
    },
    closeTunnel(tunnel, result) {
      endpoint.closeTunnel(tunnel, result, world.now());
      pump();
    },
    send,
    sendFrame: transmit,
    move(to) {
      address = to;
      world.network.attach(address, receive);
    },
    notify(call, kind, avps) {
      if (kind === "wen") endpoint.notifyWanError(call, avps, world.now());
      else endpoint.setLinkInfo(call, avps, world.now());
      pump();
    },
    bySerial: (serial) => serials.get(serial),
  };
  return peer;
}
