/** Keys and values as JavaScript has them, shaped by the BTF types that the object declares for them. */
import { JunctorError } from "../../errors.js";
import { type BtfValue, type ReadOptions, readValue, writeValue } from "../btf/value.js";
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

export interface TypedMap {
  readonly map: XdpMap;
  /** Of a per-CPU map: an array with the value of each CPU. */
  get(key: unknown): BtfValue | undefined;
  /** Of a per-CPU map: an array, or one value for all CPUs. */
  set(key: unknown, value: unknown, flags?: number): void;
  delete(key: unknown): boolean;
  entries(): IterableIterator<[BtfValue, BtfValue]>;
  /** The bytes of a key, and of one value (of a per-CPU map: of one CPU). */
  encodeKey(key: unknown): Uint8Array;
  encodeValue(value: unknown): Uint8Array;
  /** What the bytes of a key, and of one value, say. */
  decodeKey(bytes: Uint8Array, options?: ReadOptions): BtfValue;
  decodeValue(bytes: Uint8Array, options?: ReadOptions): BtfValue;
}

/** Typed access to a map; errors are those of the map, and of values that do not have the shape. */
export function typed(map: XdpMap): TypedMap {
  const { btf, keyType = 0, valueType = 0, keySize, valueSize, type } = map.spec;
  const perCpu = isPerCpu(type);
  const each = perCpu ? map.userValueSize / map.cpus : valueSize;

  const decode = (bytes: Uint8Array, id: number, options?: ReadOptions): BtfValue =>
    btf === undefined || id === 0
      ? readRaw(bytes)
      : readValue(btf, id, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, options);
  const encode = (bytes: Uint8Array, id: number, value: unknown): void => {
    if (btf === undefined || id === 0 || value instanceof Uint8Array) writeRaw(bytes, value);
    else writeValue(btf, id, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, value);
  };
  const keyOf = (key: unknown): Uint8Array => {
    const bytes = new Uint8Array(keySize);
    encode(bytes, keyType, key);
    return bytes;
  };
  const toValue = (bytes: Uint8Array): BtfValue =>
    perCpu
      ? Array.from({ length: map.cpus }, (_, cpu) => decode(bytes.slice(cpu * each, cpu * each + valueSize), valueType))
      : decode(bytes, valueType);

  return {
    map,
    get(key) {
      const bytes = map.lookup(keyOf(key));
      return bytes === undefined ? undefined : toValue(bytes);
    },
    set(key, value, flags = 0) {
      const bytes = new Uint8Array(map.userValueSize);
      const count = perCpu ? map.cpus : 1;
      const several = perCpu && Array.isArray(value) && value.length === count;
      for (let cpu = 0; cpu < count; cpu++) {
        encode(bytes.subarray(cpu * each, cpu * each + valueSize), valueType, several ? value[cpu] : value);
      }
      map.update(keyOf(key), bytes, flags);
    },
    delete: (key) => map.delete(keyOf(key)),
    encodeKey: keyOf,
    encodeValue(value) {
      const bytes = new Uint8Array(valueSize);
      encode(bytes, valueType, value);
      return bytes;
    },
    decodeKey: (bytes, options) => decode(bytes, keyType, options),
    decodeValue: (bytes, options) => decode(bytes, valueType, options),
    *entries() {
      for (const [key, value] of map.entries()) yield [decode(key, keyType), toValue(value)];
    },
  };
}
