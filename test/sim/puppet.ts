/** A subscriber on strings: it acknowledges what LCP and IPCP ask, and says otherwise only what it is told to. */
import type { CallId, TunnelId } from "../../src/l2tp/types.js";
import type { AvpValues } from "../../src/wire/l2tp2-avp.js";
import { encodePap } from "../../src/wire/pap.js";
import { encodeFrame, parseFrame, pppProtocol } from "../../src/wire/ppp.js";
import { encodeControl, parseControl } from "../../src/wire/ppp-control.js";
import type { SubscriberScene } from "./subscriber-scene.js";

export interface Puppet {
  readonly call: CallId;
  /** Everything that it was sent. */
  readonly heard: Uint8Array[];
  /** Whether it acknowledges. */
  obliging: boolean;
  send(frame: Uint8Array): void;
  /** A Configure-Request that asks for nothing, of LCP by default. */
  configure(protocol?: number, data?: Uint8Array): void;
  pap(name: string, password: string): void;
  terminate(protocol?: number): void;
}

const utf8 = new TextEncoder();
const code = { request: 1, ack: 2, nak: 3, terminate: 5 } as const;

export function createPuppet({ lac }: SubscriberScene, tunnel: TunnelId, serial = 1, avps: AvpValues = {}): Puppet {
  const icrq = { callSerialNumber: serial, callingNumber: `p${serial}`, calledNumber: "200", bearerType: 1, ...avps };
  const { call } = lac.place(tunnel, icrq, { txConnectSpeed: 56_000, framingType: 1 });
  let identifier = 0;
  const puppet: Puppet = {
    call,
    heard: [],
    obliging: true,
    send: (frame) => lac.sendFrame(call, frame),
    configure: (protocol = pppProtocol.lcp, data = new Uint8Array(0)) =>
      puppet.send(encodeControl(protocol, { code: code.request, identifier: ++identifier & 255, data })),
    pap: (name, password) =>
      puppet.send(
        encodeFrame(
          pppProtocol.pap,
          encodePap({ code: code.request, identifier: ++identifier & 255, name, password: utf8.encode(password) }),
        ),
      ),
    terminate: (protocol = pppProtocol.lcp) =>
      puppet.send(encodeControl(protocol, { code: code.terminate, identifier: 9, data: new Uint8Array(0) })),
  };
  const { frames } = lac.options;
  lac.options = {
    ...lac.options,
    frames(to, bytes) {
      if (to !== call) return frames?.(to, bytes);
      puppet.heard.push(bytes);
      const frame = parseFrame(bytes);
      if (!frame || !puppet.obliging) return;
      const { protocol, at } = frame;
      if (protocol !== pppProtocol.lcp && protocol !== pppProtocol.ipcp) return;
      const packet = parseControl(bytes, at);
      if ("malformed" in packet) return;
      if (packet.code === code.request) puppet.send(encodeControl(protocol, { ...packet, code: code.ack }));
      // What IPCP suggests is what it asks for.
      if (packet.code === code.nak && protocol === pppProtocol.ipcp) puppet.configure(protocol, packet.data);
    },
  };
  return puppet;
}
