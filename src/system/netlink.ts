/**
 * Netlink messages (RFC 3549 §2.2, <linux/netlink.h>): a header, a struct of the family, attributes; everything in the host's byte
 * order and aligned to 4.
 *
 * struct nlmsghdr {                    struct rtattr {
 *   __u32 nlmsg_len;    // 4, itself     unsigned short rta_len;   // 2, itself, without padding
 *   __u16 nlmsg_type;   // 2             unsigned short rta_type;  // 2
 *   __u16 nlmsg_flags;  // 2           };
 *   __u32 nlmsg_seq;    // 4
 *   __u32 nlmsg_pid;    // 4
 * };
 */
export const nlmsghdr = { length: 0, type: 4, flags: 6, sequence: 8, port: 12, size: 16 } as const;
export const rtattr = { length: 0, type: 2, size: 4 } as const;

/** nlmsg_flags. */
export const flag = {
  request: 0x1,
  multi: 0x2,
  ack: 0x4,
  dumpInterrupted: 0x10,
  /** Of a request for a dump: NLM_F_ROOT | NLM_F_MATCH. */
  dump: 0x300,
  replace: 0x100,
  exclusive: 0x200,
  create: 0x400,
  append: 0x800,
  /** Of an NLMSG_ERROR: the request is not repeated in it, attributes follow. */
  capped: 0x100,
  ackAttributes: 0x200,
} as const;

/** nlmsg_type. */
export const type = { noop: 1, error: 2, done: 3 } as const;

const attributeTypeMask = 0x3fff;
const aligned = (length: number): number => (length + 3) & ~3;

/** Appends messages to a buffer, one after the other. Every method but `begin` belongs to the message begun last. */
export interface MessageWriter {
  readonly bytes: Uint8Array;
  /** Bytes written so far. */
  readonly length: number;
  clear(): void;
  /** Starts a message with `size` zeroed bytes for the family's struct; answers where that struct is. */
  begin(type: number, flags: number, sequence: number, size: number): number;
  u8(at: number, value: number): void;
  u32(at: number, value: number): void;
  attribute(type: number, value: Uint8Array): void;
  attributeU32(type: number, value: number): void;
  /** Zero-terminated. */
  attributeText(type: number, value: string): void;
}

/** A request whose values have been looked at and which only has to be written. `flags` come on top of its own. */
export type Put = (writer: MessageWriter, sequence: number, flags: number) => void;

export type Operation = "add" | "delete";

/** Flags of a request that changes something: what is added must not be there yet. */
export const operationFlags: Readonly<Record<Operation, number>> = {
  add: flag.request | flag.create | flag.exclusive,
  delete: flag.request,
};

export function createWriter(bytes: Uint8Array): MessageWriter {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let start = 0;
  let end = 0;
  const grow = (size: number): number => {
    const at = end;
    end += aligned(size);
    bytes.fill(0, at, end);
    view.setUint32(start + nlmsghdr.length, end - start, true);
    return at;
  };
  const attribute = (kind: number, size: number): number => {
    const at = grow(rtattr.size + size);
    view.setUint16(at + rtattr.length, rtattr.size + size, true);
    view.setUint16(at + rtattr.type, kind, true);
    return at + rtattr.size;
  };
  return {
    bytes,
    get length() {
      return end;
    },
    clear() {
      end = 0;
    },
    begin(kind, flags, sequence, size) {
      start = end;
      const at = grow(nlmsghdr.size + size);
      view.setUint16(at + nlmsghdr.type, kind, true);
      view.setUint16(at + nlmsghdr.flags, flags, true);
      view.setUint32(at + nlmsghdr.sequence, sequence, true);
      return at + nlmsghdr.size;
    },
    u8: (at, value) => view.setUint8(at, value),
    u32: (at, value) => view.setUint32(at, value, true),
    attribute(kind, value) {
      bytes.set(value, attribute(kind, value.length));
    },
    attributeU32(kind, value) {
      view.setUint32(attribute(kind, 4), value, true);
    },
    attributeText(kind, value) {
      const text = Buffer.from(value);
      bytes.set(text, attribute(kind, text.length + 1));
    },
  };
}

/** A message as it lies in a buffer: `body` to `end` are the family's struct and the attributes. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly view: DataView;
  readonly body: number;
  readonly end: number;
}

/** The messages in the first `length` bytes; what is cut short is left out. */
export function messages(view: DataView, length: number): readonly Message[] {
  const found: Message[] = [];
  for (let at = 0; at + nlmsghdr.size <= length; ) {
    const whole = view.getUint32(at + nlmsghdr.length, true);
    if (whole < nlmsghdr.size || at + whole > length) break;
    found.push({
      type: view.getUint16(at + nlmsghdr.type, true),
      flags: view.getUint16(at + nlmsghdr.flags, true),
      sequence: view.getUint32(at + nlmsghdr.sequence, true),
      view,
      body: at + nlmsghdr.size,
      end: at + whole,
    });
    at += aligned(whole);
  }
  return found;
}

/** Attributes by type, as views into the message; the last one of a type counts. */
export function attributes(view: DataView, from: number, end: number): ReadonlyMap<number, DataView> {
  const found = new Map<number, DataView>();
  for (let at = from; at + rtattr.size <= end; ) {
    const length = view.getUint16(at + rtattr.length, true);
    if (length < rtattr.size || at + length > end) break;
    const value = new DataView(view.buffer, view.byteOffset + at + rtattr.size, length - rtattr.size);
    found.set(view.getUint16(at + rtattr.type, true) & attributeTypeMask, value);
    at += aligned(length);
  }
  return found;
}

export const bytesOf = (value: DataView): Uint8Array =>
  new Uint8Array(value.buffer, value.byteOffset, value.byteLength);

/** Text up to its terminating zero. */
export function textOf(value: DataView): string {
  const bytes = bytesOf(value);
  const zero = bytes.indexOf(0);
  return Buffer.from(zero < 0 ? bytes : bytes.subarray(0, zero)).toString();
}

/** An unsigned number of one, two or four bytes; 0 when there is none. */
export function numberOf(value: DataView | undefined): number {
  if (value === undefined) return 0;
  if (value.byteLength >= 4) return value.getUint32(0, true);
  if (value.byteLength >= 2) return value.getUint16(0, true);
  return value.byteLength === 1 ? value.getUint8(0) : 0;
}
