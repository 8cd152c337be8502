/**
 * The frame that a load run sends: a PPP frame with an IPv4 packet of the range that RFC 2544 reserves for such tests, so
 * that every tool decodes it, and in it what proves that it arrived whole, once, in order and at the right session.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+-------------------------------+
 *   | address (ff)  | control (03)  |       protocol (0021)         |  PPP (RFC 1662 §3.1)
 *   +---------------+---------------+-------------------------------+
 *   |     IPv4 header, 20 bytes: 198.18.n.n to 198.19.n.n or back   |
 *   |     UDP header, 8 bytes: port 9 (discard), no checksum;       |
 *   |     of a ping the ICMP header, 8 bytes                        |
 *   +---------------------------------------------------------------+
 *   |        magic, its last byte the direction (below)             |
 *   |        session: number in the run, from 0                     |
 *   |        sequence: from 0 in each session and direction         |
 *   |        time of sending, microseconds modulo 2^32              |
 *   |        digest of the whole PPP frame, this field as 0         |
 *   +---------------------------------------------------------------+
 *   |        fill that differs from frame to frame                  ~
 *   +---------------------------------------------------------------+
 *
 * The words behind the UDP header are little-endian, as the machines are that this runs on.
 */

import type { Memory } from "../system/index.js";

/** Up: from the LAC to the LNS. */
export const direction = { up: 0, down: 1 } as const;

const protocolNumber = { icmp: 1, udp: 17 } as const;

const pppHeader = 4;
const ipHeader = 20;
const udpHeader = 8;
const proof = 20;

/** Bytes of a PPP frame: the least that carries the proof, and the most whose IPv4 packet a 16-bit UDP length allows. */
export const minimumSize = pppHeader + ipHeader + udpHeader + proof;
export const maximumSize = 9000;

/** Index of each 32-bit word, from the start of the PPP frame. */
const word = { ppp: 0, ip: 1, udp: 6, magic: 8, session: 9, sequence: 10, time: 11, digest: 12, fill: 13 } as const;

const pppWord = 0x2100_03ff;
const magicWord = 0x004c_424a; // "JBL", then the direction
const weyl = 0x9e37_79b9;
const echoRequest = 8;
const echoReply = 0;

/** The memory that frames lie in. */
export type Frames = Pick<Memory, "u8" | "u32" | "view">;

const prime = 0x0100_0193;

/**
 * A 32-bit digest of `size` bytes, read as words. Each step is a bijection of the word and of the state, and so is the mixing of the four
 * lanes: an alteration within one word never goes unseen, any other with a probability of about 2^-32.
 */
function digest(words: Memory["u32"], from: number, size: number): number {
  const to = from + ((size + 3) >>> 2);
  let a = size;
  let b = 2;
  let c = 3;
  let d = 4;
  let at = from;
  for (; at + 4 <= to; at += 4) {
    a = Math.imul(a ^ words[at]!, prime);
    b = Math.imul(b ^ words[at + 1]!, prime);
    c = Math.imul(c ^ words[at + 2]!, prime);
    d = Math.imul(d ^ words[at + 3]!, prime);
    a ^= a >>> 15;
    b ^= b >>> 15;
    c ^= c >>> 15;
    d ^= d >>> 15;
  }
  for (; at < to; at++) {
    a = Math.imul(a ^ words[at]!, prime);
    a ^= a >>> 15;
  }
  return (a + Math.imul(b, 3) + Math.imul(c, 5) + Math.imul(d, 7)) >>> 0;
}

const swap16 = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
/** A word as it lies in memory, from its value in network order. */
const network = (value: number): number => (swap16(value & 0xffff) << 16) | swap16(value >>> 16);

/** Writes PPP and IPv4 header; addresses as they lie in memory. */
function writeIpHeader(
  words: Memory["u32"],
  base: number,
  size: number,
  protocol: number,
  source: number,
  destination: number,
): void {
  const length = size - pppHeader;
  words[base] = pppWord;
  words[base + word.ip] = 0x0045 | (swap16(length) << 16);
  words[base + word.ip + 1] = 0x0040_0000; // DF
  words[base + word.ip + 3] = source;
  words[base + word.ip + 4] = destination;
  const ttlAndProtocol = 0x0040 | (protocol << 8);
  // 45 00, length, DF, TTL 64, protocol and both addresses; the sum does not mind the order of bytes.
  let sum = 0x0045 + swap16(length) + 0x0040 + ttlAndProtocol;
  sum += (source & 0xffff) + (source >>> 16) + (destination & 0xffff) + (destination >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  words[base + word.ip + 2] = ttlAndProtocol | ((~sum & 0xffff) << 16);
}

/** The same and a UDP header; ports as they lie in memory. */
function writeHeaders(
  words: Memory["u32"],
  base: number,
  size: number,
  source: number,
  destination: number,
  ports: number,
): void {
  writeIpHeader(words, base, size, protocolNumber.udp, source, destination);
  words[base + word.udp] = ports;
  words[base + word.udp + 1] = swap16(size - pppHeader - ipHeader);
}

/** Writes what follows the headers, its digest as 0. */
function writeProof(
  words: Memory["u32"],
  base: number,
  size: number,
  session: number,
  way: number,
  sequence: number,
  time: number,
): void {
  const end = base + ((size + 3) >>> 2);
  words[base + word.magic] = magicWord | (way << 24);
  words[base + word.session] = session;
  words[base + word.sequence] = sequence;
  words[base + word.time] = time;
  words[base + word.digest] = 0;
  let fill = Math.imul(session ^ Math.imul(sequence, weyl), prime);
  for (let i = base + word.fill; i < end; i++) {
    words[i] = fill;
    fill = (fill + weyl) | 0;
  }
  const tail = size & 3;
  if (tail !== 0) words[end - 1]! &= (1 << (tail * 8)) - 1;
}

/**
 * Writes a PPP frame of `size` bytes at byte offset `at`, a multiple of 4. The bytes up to the next multiple of 4 behind it
 * become 0.
 */
export function writeFrame(
  { u32: words }: Frames,
  at: number,
  size: number,
  session: number,
  way: number,
  sequence: number,
  time: number,
): void {
  const base = at >>> 2;
  const lac = network(0xc612_0000 | (session & 0xffff));
  const lns = network(0xc613_0000 | (session & 0xffff));
  const up = way === direction.up;
  writeHeaders(words, base, size, up ? lac : lns, up ? lns : lac, 0x0900_0900);
  writeProof(words, base, size, session, way, sequence, time);
  words[base + word.digest] = digest(words, base, size);
}

/**
 * The same with addresses (as numbers) and a port of the receiver's that the caller gives, to be routed on its way: the digest
 * is that of what follows the headers.
 */
export function writeRoutedFrame(
  { u32: words }: Frames,
  at: number,
  size: number,
  session: number,
  sequence: number,
  time: number,
  source: number,
  destination: number,
  port: number,
): void {
  const base = at >>> 2;
  writeHeaders(words, base, size, network(source), network(destination), (swap16(port) << 16) | 0x0900);
  writeProof(words, base, size, session, direction.up, sequence, time);
  words[base + word.digest] = digest(words, base + word.magic, size - word.magic * 4);
}

/** The same as an echo request (RFC 792), whose header is as long as that of UDP. */
export function writePing(
  { u32: words }: Frames,
  at: number,
  size: number,
  session: number,
  sequence: number,
  time: number,
  source: number,
  destination: number,
): void {
  const base = at >>> 2;
  writeIpHeader(words, base, size, protocolNumber.icmp, network(source), network(destination));
  writeProof(words, base, size, session, direction.up, sequence, time);
  words[base + word.digest] = digest(words, base + word.magic, size - word.magic * 4);
  words[base + word.udp] = echoRequest;
  words[base + word.udp + 1] = network(((session & 0xffff) << 16) | (sequence & 0xffff));
  let sum = 0;
  const end = base + ((size + 3) >>> 2);
  for (let i = base + word.udp; i < end; i++) sum += (words[i]! & 0xffff) + (words[i]! >>> 16);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  words[base + word.udp] = echoRequest | ((~sum & 0xffff) << 16);
}

/**
 * Whether the IPv4 packet at byte offset `at` is of the kind that comes back: a UDP datagram, or the reply to a ping. Its header
 * has no options.
 */
export const isReturn = (u8: Uint8Array, at: number, pinged: boolean): boolean =>
  pinged ? u8[at + 9] === protocolNumber.icmp && u8[at + ipHeader] === echoReply : u8[at + 9] === protocolNumber.udp;

/**
 * Whether the PPP frame of `size` bytes at byte offset `at`, a multiple of 4, is one of ours and whole. The bytes up to the
 * next multiple of 4 must be 0. The digest field is overwritten with 0.
 */
export const checkFrame = (frames: Frames, at: number, size: number): boolean => check(frames, at, size, 0);

/** The same for `writeRoutedFrame`. */
export const checkRoutedFrame = (frames: Frames, at: number, size: number): boolean =>
  check(frames, at, size, word.magic);

/** `from`: the first word that the digest is of. */
function check({ u32: words }: Frames, at: number, size: number, from: number): boolean {
  if (size < minimumSize) return false;
  const base = at >>> 2;
  if ((words[base + word.magic]! & 0x00ff_ffff) !== magicWord) return false;
  const claimed = words[base + word.digest]!;
  words[base + word.digest] = 0;
  return digest(words, base + from, size - from * 4) === claimed;
}

/** The IPv4 destination of a frame, as a number. */
export const destinationOf = ({ u32: words }: Frames, at: number): number =>
  network(words[(at >>> 2) + word.ip + 4]!) >>> 0;

/** Fields of a frame that `checkFrame` found whole. */
export const sessionOf = ({ u32: words }: Frames, at: number): number => words[(at >>> 2) + word.session]!;
export const directionOf = ({ u32: words }: Frames, at: number): number => words[(at >>> 2) + word.magic]! >>> 24;
export const sequenceOf = ({ u32: words }: Frames, at: number): number => words[(at >>> 2) + word.sequence]!;
export const timeOf = ({ u32: words }: Frames, at: number): number => words[(at >>> 2) + word.time]!;
