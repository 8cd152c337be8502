/** What the API shows of programs, the devices they run on, and their maps; and what it takes for them. */
import { z } from "zod";
import {
  attachmentAttributes,
  counters,
  deviceAttach,
  framings,
  hooks,
  mapAttributes,
  mapCreate,
  programAttributes,
  programLoad,
} from "../dataplane/attributes.js";

const count = z.number().min(0);
const text = z.string().nullable();

const pin = text.describe("Name under which it stays when nothing else holds it; null: none");

export const program = programAttributes.omit({ pin: true }).extend({
  pin,
  counters: z.object(
    Object.fromEntries(counters.program.map((name) => [name, count])) as Record<
      (typeof counters.program)[number],
      typeof count
    >,
  ),
});
export type ProgramJson = z.infer<typeof program>;
export const programs = z.object({ programs: z.array(program) });
export const programDump = z.object({
  program: programAttributes.shape.program,
  text: z.string().describe("Instructions, with the source lines that the object tells"),
});

export const map = mapAttributes.omit({ pin: true }).extend({
  pin,
  perCpu: z.boolean().describe("Each CPU has a value of its own"),
  btf: z.boolean().describe("Types are known, so that keys and values can be given and shown as JSON"),
});
export type MapJson = z.infer<typeof map>;
export const maps = z.object({ maps: z.array(map) });
export const loaded = z.object({ programs: z.array(program), maps: z.array(map) });
export type Loaded = z.infer<typeof loaded>;

export const hex = z
  .string()
  .max(1 << 24)
  .regex(/^([0-9a-fA-F]{2})*$/, "expected bytes in hexadecimal, as 0a00");

const bytesHex = hex.describe("Bytes in hexadecimal");
const shapedValue = z
  .unknown()
  .describe("As JSON, shaped by BTF; integers beyond 2^53 as strings, arrays of char as strings");

export const mapEntry = z.object({
  key: bytesHex.optional().describe("Key in hexadecimal; maps without keys have none"),
  value: bytesHex.optional().describe("Value in hexadecimal, of a map that is not per-CPU"),
  values: z.array(bytesHex).optional().describe("Values in hexadecimal by CPU, of a per-CPU map"),
  formatted: z
    .object({ key: shapedValue.optional(), value: shapedValue.optional(), values: z.array(shapedValue).optional() })
    .optional()
    .describe("The same as JSON, shaped by BTF; where both are given, the bytes count"),
});
export type MapEntryJson = z.infer<typeof mapEntry>;
export const mapEntries = z.object({
  entries: z.array(mapEntry),
  next: text.describe("Pass it as `after` for the next part; null: there is no more"),
});
export const mapBatch = z.object({ updated: count, deleted: count });

export const attachment = attachmentAttributes.extend({
  framing: z.enum(framings).nullable().describe("What the program sees; null: as is usual for the device"),
  devices: count.describe("How many devices it is on now"),
});
export type AttachmentJson = z.infer<typeof attachment>;
export const attachments = z.object({ attachments: z.array(attachment) });

const hooked = z.object({
  attachment: attachmentAttributes.shape.attachment,
  hook: z.enum(hooks),
  priority: z.int(),
  program: programAttributes.shape.program,
  name: programAttributes.shape.name,
  mode: z.enum(["user", "native", "generic"]),
});
export const device = z.object({
  device: z
    .int()
    .nullable()
    .describe("Index, which programs know it by (ingress_ifindex); null: an interface of the host"),
  name: z.string().describe("As it is attached to"),
  mtu: z.int().nullable().describe("Largest frame that leaves it; null: as what is below it"),
  up: z.boolean().nullable().describe("Whether frames pass; null: as what is below it"),
  programs: z.array(hooked).describe("Programs on it, by hook, in the order in which they run"),
});
export type DeviceJson = z.infer<typeof device>;
export const devices = z.object({
  devices: z.array(device),
  next: text.describe("Pass it as `after` for the next part; null: there is no more"),
});

export const programLine = z.object({
  time: z.iso.datetime(),
  program: programAttributes.shape.name,
  device: z.int().describe("Device that the frame was on; 0: none"),
  text: z.string(),
});
export type ProgramLine = z.infer<typeof programLine>;
export const mapRecord = z.object({
  time: z.iso.datetime().describe("When it was read"),
  bytes: z.string().describe("In hexadecimal"),
});
export type MapRecord = z.infer<typeof mapRecord>;

// --- bodies ---

export const programLoadBody = programLoad.omit({ object: true }).extend({
  object: z
    .base64()
    .max(48 << 20)
    .describe("ELF object file, in base64"),
});
export const pinBody = z.object({ pin: programAttributes.shape.pin.unwrap().nullable() });
export const attachBody = deviceAttach;
export const replaceBody = attachmentAttributes.pick({ program: true });
export const mapCreateBody = mapCreate;
export const keyBody = mapEntry.pick({ key: true, formatted: true });
export const takeBody = keyBody.extend({ remove: z.boolean().default(false).describe("Take the entry away, too") });
const mode = z.enum(["any", "noexist", "exist"]).default("any");
export const updateBody = mapEntry.extend({ mode: mode.describe("Whether the entry may or must be there already") });
export const pushBody = mapEntry
  .omit({ key: true, values: true })
  .extend({ replace: z.boolean().default(false).describe("Let the oldest value of a full queue or stack go") });
export const batchBody = z.object({
  update: z.array(mapEntry).max(65_536).default([]),
  delete: z.array(keyBody).max(65_536).default([]),
});

export const programSchemas = {
  Program: program,
  Programs: programs,
  ProgramDump: programDump,
  Loaded: loaded,
  Map: map,
  Maps: maps,
  MapEntry: mapEntry,
  MapEntries: mapEntries,
  MapBatch: mapBatch,
  Attachment: attachment,
  Attachments: attachments,
  Device: device,
  Devices: devices,
  ProgramLine: programLine,
  MapRecord: mapRecord,
} as const;
