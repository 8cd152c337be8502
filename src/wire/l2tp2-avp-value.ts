/**
 * How the values of AVPs are laid out: one codec for each shape that RFC 2661 §4.4 draws. `decode` answers undefined when
 * the octets cannot be that shape; what it returns does not alias the message. `encode` returns the octets written, which
 * never exceed `longestValue`.
 */
import { copyOf, decodeText, encodeText, putU16, putU32, u16, u32 } from "./octets.js";

/** An AVP is at most 1023 octets long, six of them header. */
export const longestValue = 1017;

export interface Codec<T> {
  decode(bytes: Uint8Array, at: number, end: number): T | undefined;
  encode(into: Uint8Array, at: number, value: T): number;
}

export const uint16: Codec<number> = {
  decode: (bytes, at, end) => (end - at === 2 ? u16(bytes, at) : undefined),
  encode(into, at, value) {
    putU16(into, at, value);
    return 2;
  },
};

export const uint32: Codec<number> = {
  decode: (bytes, at, end) => (end - at === 4 ? u32(bytes, at) : undefined),
  encode(into, at, value) {
    putU32(into, at, value);
    return 4;
  },
};

export const octets: Codec<Uint8Array> = {
  decode: copyOf,
  encode(into, at, value) {
    const length = Math.min(value.length, longestValue);
    into.set(length === value.length ? value : value.subarray(0, length), at);
    return length;
  },
};

/** Exactly `length` octets; a value of another length is cut or filled with zeros. */
export const octetsOf = (length: number): Codec<Uint8Array> => ({
  decode: (bytes, at, end) => (end - at === length ? octets.decode(bytes, at, end) : undefined),
  encode(into, at, value) {
    into.fill(0, at, at + length);
    into.set(value.subarray(0, length), at);
    return length;
  },
});

export const text: Codec<string> = {
  decode: decodeText,
  encode: (into, at, value) => encodeText(into, at, longestValue, value),
};

/** An AVP whose presence says all. */
export const present: Codec<true> = {
  decode: (_bytes, at, end) => (at === end ? true : undefined),
  encode: () => 0,
};

/** Version and revision, an octet each (Protocol Version). */
export const versionAndRevision: Codec<{ readonly version: number; readonly revision: number }> = {
  decode: (bytes, at, end) => (end - at === 2 ? { version: bytes[at]!, revision: bytes[at + 1]! } : undefined),
  encode(into, at, value) {
    into[at] = value.version;
    into[at + 1] = value.revision;
    return 2;
  },
};

/** A reserved octet, then the identifier (Proxy Authen ID). */
export const identifier: Codec<number> = {
  decode: (bytes, at, end) => (end - at === 2 ? bytes[at + 1]! : undefined),
  encode(into, at, value) {
    putU16(into, at, value & 0xff);
    return 2;
  },
};

export interface ResultCode {
  readonly result: number;
  readonly error?: number | undefined;
  /** UTF-8, for people; only together with an error code. */
  readonly message?: string | undefined;
}

export const resultCode: Codec<ResultCode> = {
  decode(bytes, at, end) {
    if (end - at < 2) return undefined;
    const result = u16(bytes, at);
    if (end - at < 4) return { result };
    const error = u16(bytes, at + 2);
    return end - at === 4 ? { result, error } : { result, error, message: decodeText(bytes, at + 4, end) };
  },
  encode(into, at, value) {
    putU16(into, at, value.result);
    if (value.error === undefined && !value.message) return 2;
    putU16(into, at + 2, value.error ?? 0);
    return 4 + encodeText(into, at + 4, longestValue - 4, value.message ?? "");
  },
};

export interface CauseCode {
  /** Q.931 cause. */
  readonly code: number;
  /** Q.931 message type. */
  readonly message: number;
  readonly advisory?: string | undefined;
}

export const causeCode: Codec<CauseCode> = {
  decode(bytes, at, end) {
    if (end - at < 3) return undefined;
    const cause = { code: u16(bytes, at), message: bytes[at + 2]! };
    return end - at === 3 ? cause : { ...cause, advisory: decodeText(bytes, at + 3, end) };
  },
  encode(into, at, value) {
    putU16(into, at, value.code);
    into[at + 2] = value.message;
    return 3 + encodeText(into, at + 3, longestValue - 3, value.advisory ?? "");
  },
};

/** Two reserved octets, then 32-bit numbers with these names. */
function numbers<Name extends string>(names: readonly Name[]): Codec<Readonly<Record<Name, number>>> {
  const length = 2 + 4 * names.length;
  return {
    decode(bytes, at, end) {
      if (end - at !== length) return undefined;
      return Object.fromEntries(names.map((name, i) => [name, u32(bytes, at + 2 + 4 * i)])) as Record<Name, number>;
    },
    encode(into, at, value) {
      putU16(into, at, 0);
      names.forEach((name, i) => {
        putU32(into, at + 2 + 4 * i, value[name]);
      });
      return length;
    },
  };
}

export const callErrors = numbers([
  "crcErrors",
  "framingErrors",
  "hardwareOverruns",
  "bufferOverruns",
  "timeoutErrors",
  "alignmentErrors",
]);

export const accm = numbers(["send", "receive"]);
