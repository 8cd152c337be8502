// Stands in for pppd under an xl2tpd whose host has no PPP in its kernel: speaks PPP on the pty that xl2tpd
// gave, logs in by PAP, takes an address by IPCP and pings through the link until it is told to stop.
// JUNCTOR_PPP_STUB: JSON of { log, user, password, ping }. Its log has one line an event.
import { appendFileSync, writeSync } from "node:fs";
import { ReadStream } from "node:tty";
import { deframer, frame } from "./hdlc.mjs";

/** The pty, in raw mode. */
const terminal = 3;

const { log, user, password, ping } = JSON.parse(process.env.JUNCTOR_PPP_STUB);
const say = (text) => appendFileSync(log, `${process.pid} ${text}\n`);

const protocol = { ip: 0x0021, ipcp: 0x8021, lcp: 0xc021, pap: 0xc023 };
const nameOf = Object.fromEntries(Object.entries(protocol).map(([name, number]) => [number, name]));
const code = {
  request: 1,
  ack: 2,
  nak: 3,
  reject: 4,
  termRequest: 5,
  termAck: 6,
  protocolReject: 8,
  echo: 9,
  reply: 10,
};

const dotted = (bytes) => [...bytes].join(".");
const octets = (address) => Buffer.from(address.split(".").map(Number));

function send(number, payload) {
  const line = frame(Buffer.concat([Buffer.from([0xff, 0x03, number >> 8, number & 0xff]), payload]));
  for (let at = 0; at < line.length; ) {
    try {
      at += writeSync(terminal, line, at);
    } catch (error) {
      if (error.code !== "EAGAIN") return;
    }
  }
}

function packet(kind, identifier, data = Buffer.alloc(0)) {
  const head = Buffer.from([kind, identifier, 0, 0]);
  head.writeUInt16BE(4 + data.length, 2);
  return Buffer.concat([head, data]);
}

function* options(data) {
  for (let at = 0; at + 2 <= data.length && data[at + 1] >= 2; at += data[at + 1]) {
    yield {
      type: data[at],
      value: data.subarray(at + 2, at + data[at + 1]),
      bytes: data.subarray(at, at + data[at + 1]),
    };
  }
}

/**
 * One side of a negotiation (RFC 1661 §4), good enough for a link that neither loses nor reorders: repeats its request each
 * half second until it is acknowledged. `wish` gives our options, `accept` judges one of the peer's.
 */
function negotiation(number, { wish, accept, nak, up }) {
  let identifier = 0;
  let acked = false;
  let ackedPeer = false;
  let timer;
  const request = () => {
    identifier = (identifier + 1) & 0xff;
    send(number, packet(code.request, identifier, wish()));
  };
  const settle = () => {
    if (acked && ackedPeer) {
      clearInterval(timer);
      up();
    }
  };
  return {
    open() {
      if (timer !== undefined) return;
      request();
      timer = setInterval(() => acked || request(), 500);
    },
    handle(kind, peerIdentifier, data) {
      if (kind === code.request) {
        const refused = [...options(data)].filter((option) => !accept(option)).map((option) => option.bytes);
        ackedPeer = refused.length === 0;
        if (ackedPeer) send(number, packet(code.ack, peerIdentifier, data));
        else send(number, packet(code.reject, peerIdentifier, Buffer.concat(refused)));
        settle();
      } else if (kind === code.ack && peerIdentifier === identifier) {
        acked = true;
        settle();
      } else if (kind === code.nak) {
        for (const option of options(data)) nak(option);
        request();
      } else if (kind === code.reject) {
        say(`${nameOf[number]} rejected ${data.toString("hex")}`);
      }
    },
  };
}

const magic = Buffer.from([0x4a, 0x55, 0x4e, process.pid & 0xff]);
let address = "0.0.0.0";
let peerAddress = "";

const lcp = negotiation(protocol.lcp, {
  wish: () => Buffer.concat([Buffer.from([5, 6]), magic]),
  // MRU, ACCM, PAP, magic number; compression would be accepted by a peer's leave only, and multilink is not ours.
  accept: ({ type, value }) => [1, 2, 5].includes(type) || (type === 3 && value.readUInt16BE() === protocol.pap),
  nak: () => {},
  up() {
    say("lcp up");
    const login = Buffer.concat([
      Buffer.from([user.length]),
      Buffer.from(user),
      Buffer.from([password.length]),
      Buffer.from(password),
    ]);
    send(protocol.pap, packet(code.request, 1, login));
  },
});

const ipcp = negotiation(protocol.ipcp, {
  wish: () => Buffer.concat([Buffer.from([3, 6]), octets(address)]),
  accept({ type, value }) {
    if (type === 3) peerAddress = dotted(value);
    return type === 3;
  },
  nak: ({ type, value }) => {
    if (type === 3) address = dotted(value);
  },
  up() {
    say(`ipcp up ${address} ${peerAddress}`);
    setInterval(pingOnce, 50);
  },
});

function checksum(bytes) {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] << 8) | (bytes[at + 1] ?? 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** Payload sizes in turn: the smallest, odd ones, and one that fills an MRU of 1400. */
const sizes = [0, 1, 57, 512, 1372];
const payloadOf = (sequence) =>
  Buffer.from({ length: sizes[sequence % sizes.length] }, (_, at) => (sequence + 31 * at) & 0xff);

let sequence = 0;
function pingOnce() {
  const icmp = Buffer.concat([
    Buffer.from([8, 0, 0, 0, 0x4a, 0x4e, sequence >> 8, sequence & 0xff]),
    payloadOf(sequence),
  ]);
  icmp.writeUInt16BE(checksum(icmp), 2);
  const header = Buffer.from([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, ...octets(address), ...octets(ping)]);
  header.writeUInt16BE(20 + icmp.length, 2);
  header.writeUInt16BE(checksum(header), 10);
  send(protocol.ip, Buffer.concat([header, icmp]));
  sequence++;
}

function receiveIp(datagram) {
  const icmp = datagram.subarray((datagram[0] & 15) * 4, datagram.readUInt16BE(2));
  if (datagram[9] !== 1 || icmp[0] !== 0) return say(`ip ${datagram.subarray(0, 28).toString("hex")}`);
  const answered = icmp.readUInt16BE(6);
  const intact = checksum(icmp) === 0 && icmp.subarray(8).equals(payloadOf(answered));
  say(`echo reply ${answered} from ${dotted(datagram.subarray(12, 16))} ${intact ? "intact" : "altered"}`);
}

function receive(bytes) {
  const at = bytes[0] === 0xff && bytes[1] === 0x03 ? 2 : 0;
  const wide = (bytes[at] & 1) === 0;
  const number = wide ? bytes.readUInt16BE(at) : bytes[at];
  const payload = bytes.subarray(at + (wide ? 2 : 1));
  if (number === protocol.ip) return receiveIp(payload);
  const [kind, identifier] = payload;
  const data = payload.subarray(4, payload.readUInt16BE(2));
  if (number === protocol.lcp && kind === code.echo) {
    send(protocol.lcp, packet(code.reply, identifier, Buffer.concat([magic, data.subarray(4)])));
  } else if (number === protocol.lcp && kind === code.termRequest) {
    send(protocol.lcp, packet(code.termAck, identifier));
    leave("terminated by the peer");
  } else if (number === protocol.lcp && kind === code.termAck) leave("terminated");
  else if (number === protocol.lcp) {
    lcp.open();
    lcp.handle(kind, identifier, data);
  } else if (number === protocol.pap) {
    say(kind === code.ack ? "pap up" : `pap refused ${data.toString("latin1")}`);
    if (kind === code.ack) ipcp.open();
  } else if (number === protocol.ipcp) ipcp.handle(kind, identifier, data);
  else send(protocol.lcp, packet(code.protocolReject, identifier, bytes.subarray(at)));
}

function leave(why) {
  say(why);
  setTimeout(() => process.exit(0), 50);
}

process.on("SIGTERM", () => {
  say("asked to end");
  send(protocol.lcp, packet(code.termRequest, 99));
  setTimeout(() => leave("ended without an answer"), 1000);
});
process.on("SIGHUP", () => leave("hung up"));
process.on("uncaughtException", (error) => leave(`failed ${error.stack}`));

say(`started ${process.argv.slice(2).join(" ")}`);
const line = new ReadStream(terminal);
line.on(
  "data",
  deframer(receive, (bytes) => say(`bad frame ${bytes.toString("hex")}`)),
);
line.on("error", () => leave("line closed"));
line.on("end", () => leave("line closed"));
lcp.open();
