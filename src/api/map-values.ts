/** Keys and values of maps, between bytes and what the API has: hexadecimal, and JSON shaped by BTF. */
import type { MapDump, MapShape } from "../dataplane/contract.js";
import { JunctorError } from "../errors.js";
import type { BtfValue } from "../xdp/btf/value.js";
import { isPerCpu } from "../xdp/maps/plan.js";
import { mapCodec } from "../xdp/maps/typed.js";
import type { MapSpec } from "../xdp/spec.js";
import type { MapEntryJson } from "./schemas-programs.js";

export interface MapValues {
  /** What an entry is as JSON. */
  entry(entry: { readonly key?: Uint8Array; readonly value?: Uint8Array }): MapEntryJson;
  /** Bytes of the key that is given; of a map without keys, none. */
  key(entry: Pick<MapEntryJson, "key" | "formatted">): Uint8Array;
  /** Bytes of the value, of all CPUs. */
  value(entry: MapEntryJson): Uint8Array;
}

const wrong = (problem: string, mend?: string): JunctorError => new JunctorError("EINVAL", problem, mend);

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const fromHex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

/** JSON has no wide integers: those that a double cannot hold are strings, and are taken as such. */
export function jsonValue(value: BtfValue): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : String(value);
  }
  if (value instanceof Uint8Array) return toHex(value);
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (Array.isArray(value)) return value.map(jsonValue);
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, jsonValue(inner)]));
  }
  return value;
}

const roundUp8 = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** `known` is undefined where nothing tells what the map looks like: then there are bytes, and no types. */
export function mapValues(
  shape: Pick<MapSpec, "type" | "keySize" | "valueSize"> & { readonly name: string },
  known: MapShape | undefined,
): MapValues {
  const { keySize, valueSize } = shape;
  const perCpu = isPerCpu(shape.type);
  const spec = known?.spec;
  const types = spec === undefined ? undefined : mapCodec(spec);
  const keyTyped = spec?.btf !== undefined && (spec.keyType ?? 0) !== 0 && keySize > 0;
  const valueTyped = spec?.btf !== undefined && (spec.valueType ?? 0) !== 0 && valueSize > 0;

  const valuesOf = (bytes: Uint8Array): Uint8Array[] => {
    const stride = roundUp8(valueSize);
    return Array.from({ length: Math.floor(bytes.length / stride) }, (_, cpu) =>
      bytes.slice(cpu * stride, cpu * stride + valueSize),
    );
  };

  /** A type that cannot be shown, as one too deep, is shown by its bytes alone. */
  function shown(decode: () => BtfValue): unknown {
    try {
      return jsonValue(decode());
    } catch (error) {
      if (error instanceof JunctorError) return undefined;
      throw error;
    }
  }

  const showKey = (bytes: Uint8Array): unknown => shown(() => types!.decodeKey(bytes, { strings: true }));
  const showValue = (bytes: Uint8Array): unknown => shown(() => types!.decodeValue(bytes, { strings: true }));

  /** The bytes of one part: as they are given, or as the types say. */
  function part(
    what: "key" | "value",
    size: number,
    raw: string | undefined,
    given: boolean,
    encode: () => Uint8Array,
  ): Uint8Array {
    if (raw !== undefined) {
      if (raw.length === size * 2) return fromHex(raw);
      throw wrong(`the ${what} has ${raw.length / 2} bytes where map ${shape.name} has ${size}`);
    }
    if (!given) throw wrong(`the ${what} is missing`, `give ${what} in hexadecimal, or formatted.${what}`);
    if (types === undefined) throw wrong(`the types of map ${shape.name} are not known`, `give ${what} in hexadecimal`);
    return encode();
  }

  return {
    entry({ key, value }) {
      const values = perCpu && value !== undefined ? valuesOf(value) : undefined;
      const formatted = {
        ...(keyTyped && key !== undefined && { key: showKey(key) }),
        ...(valueTyped && value !== undefined && values === undefined && { value: showValue(value) }),
        ...(valueTyped && values !== undefined && { values: values.map(showValue) }),
      };
      return {
        ...(key !== undefined && keySize > 0 && { key: toHex(key) }),
        ...(value !== undefined && values === undefined && { value: toHex(value) }),
        ...(values !== undefined && { values: values.map(toHex) }),
        ...(Object.keys(formatted).length > 0 && { formatted }),
      };
    },
    key({ key, formatted }) {
      if (keySize === 0) return new Uint8Array();
      const given = formatted !== undefined && "key" in formatted;
      return part("key", keySize, key, given, () => types!.encodeKey(formatted?.key));
    },
    value({ value, values, formatted }) {
      const one = (raw: string | undefined, given: boolean, shaped: unknown): Uint8Array =>
        part("value", valueSize, raw, given, () => types!.encodeValue(shaped));
      const single = formatted !== undefined && "value" in formatted;
      if (!perCpu) return one(value, single, formatted?.value);
      const cpus = known?.cpus ?? values?.length ?? 0;
      const several = values ?? (value === undefined ? formatted?.values : undefined);
      if (several !== undefined && several.length !== cpus) {
        throw wrong(`${several.length} values where there are ${cpus} CPUs`, "give one for each, or `value` for all");
      }
      const stride = roundUp8(valueSize);
      const bytes = new Uint8Array(stride * cpus);
      for (let cpu = 0; cpu < cpus; cpu++) {
        const each =
          several === undefined
            ? one(value, single, formatted?.value)
            : one(values?.[cpu], formatted?.values !== undefined, formatted?.values?.[cpu]);
        bytes.set(each, cpu * stride);
      }
      return bytes;
    },
  };
}

/** What an entry's place in a dump is called. */
export const placeOf = ({ key }: MapDump): string => toHex(key);
