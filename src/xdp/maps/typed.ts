/** Keys and values as JavaScript has them, shaped by the BTF types that the object declares for them. */
import { JunctorError } from "../../errors.js";
import { type BtfValue, type ReadOptions, readValue, writeValue } from "../btf/value.js";
import type { MapSpec } from "../spec.js";
import { isPerCpu } from "./plan.js";
import type { XdpMap } from "./store.js";

const wrong = (problem: string): JunctorError => new JunctorError("EINVAL", problem);

/** What a map without BTF has: numbers of 1, 2, 4 bytes, bigints of 8, else the bytes. Little-endian. */
function readRaw(bytes: Uint8Array): BtfValue {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (bytes.length) {
    case 1:
      return view.getUint8(0);
    case 2:
      return view.getUint16(0, true);
    case 4:
      return view.getUint32(0, true);
    case 8:
      return view.getBigUint64(0, true);
    default:
      return bytes;
  }
}

function writeRaw(bytes: Uint8Array, value: unknown): void {
  if (value instanceof Uint8Array) {
    if (value.length !== bytes.length) throw wrong(`${value.length} bytes where ${bytes.length} are wanted`);
    bytes.set(value);
    return;
  }
  if ((typeof value !== "number" && typeof value !== "bigint") || bytes.length > 8) {
    throw wrong(`a value of ${bytes.length} bytes without BTF is given as a Uint8Array`);
  }
  if (typeof value === "number" && !Number.isInteger(value)) throw wrong(`${value} is no integer`);
  const whole = BigInt(value);
  if (BigInt.asUintN(bytes.length * 8, whole) !== whole && BigInt.asIntN(bytes.length * 8, whole) !== whole) {
    throw wrong(`${value} does not fit into ${bytes.length} bytes`);
  }
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number((whole >> BigInt(at * 8)) & 255n);
}

/** Bytes of a map's keys and values, and what they say. */
export interface MapCodec {
  /** The bytes of a key, and of one value (of a per-CPU map: of one CPU). */
  encodeKey(key: unknown): Uint8Array;
  encodeValue(value: unknown): Uint8Array;
  /** What the bytes of a key, and of one value, say. */
  decodeKey(bytes: Uint8Array, options?: ReadOptions): BtfValue;
  decodeValue(bytes: Uint8Array, options?: ReadOptions): BtfValue;
}

export interface TypedMap extends MapCodec {
  readonly map: XdpMap;
  /** Of a per-CPU map: an array with the value of each CPU. */
  get(key: unknown): BtfValue | undefined;
  /** Of a per-CPU map: an array, or one value for all CPUs. */
  set(key: unknown, value: unknown, flags?: number): void;
  delete(key: unknown): boolean;
  entries(): IterableIterator<[BtfValue, BtfValue]>;
}

/** Errors (EINVAL) are those of values that do not have the shape. */
export function mapCodec({ btf, keyType = 0, valueType = 0, keySize, valueSize }: MapSpec): MapCodec {
  const decode = (bytes: Uint8Array, id: number, options?: ReadOptions): BtfValue =>
    btf === undefined || id === 0
      ? readRaw(bytes)
      : readValue(btf, id, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, options);
  const encode = (size: number, id: number, value: unknown): Uint8Array => {
    const bytes = new Uint8Array(size);
    if (btf === undefined || id === 0 || value instanceof Uint8Array) writeRaw(bytes, value);
    else writeValue(btf, id, new DataView(bytes.buffer), 0, value);
    return bytes;
  };
  return {
    encodeKey: (key) => encode(keySize, keyType, key),
    encodeValue: (value) => encode(valueSize, valueType, value),
    decodeKey: (bytes, options) => decode(bytes, keyType, options),
    decodeValue: (bytes, options) => decode(bytes, valueType, options),
  };
}

/** Typed access to a map; errors are those of the map, and of values that do not have the shape. */
export function typed(map: XdpMap): TypedMap {
  const codec = mapCodec(map.spec);
  const { encodeKey, encodeValue, decodeKey, decodeValue } = codec;
  const { valueSize, type } = map.spec;
  const perCpu = isPerCpu(type);
  const each = perCpu ? map.userValueSize / map.cpus : valueSize;

  const toValue = (bytes: Uint8Array): BtfValue =>
    perCpu
      ? Array.from({ length: map.cpus }, (_, cpu) => decodeValue(bytes.slice(cpu * each, cpu * each + valueSize)))
      : decodeValue(bytes);

  return {
    ...codec,
    map,
    get(key) {
      const bytes = map.lookup(encodeKey(key));
      return bytes === undefined ? undefined : toValue(bytes);
    },
    set(key, value, flags = 0) {
      const bytes = new Uint8Array(map.userValueSize);
      const count = perCpu ? map.cpus : 1;
      const several = perCpu && Array.isArray(value) && value.length === count;
      for (let cpu = 0; cpu < count; cpu++) bytes.set(encodeValue(several ? value[cpu] : value), cpu * each);
      map.update(encodeKey(key), bytes, flags);
    },
    delete: (key) => map.delete(encodeKey(key)),
    *entries() {
      for (const [key, value] of map.entries()) yield [decodeKey(key), toValue(value)];
    },
  };
}
