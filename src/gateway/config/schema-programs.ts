/** Programs that run on devices. */
import { z } from "zod";
import { attachmentAttributes } from "../../dataplane/attributes.js";
import { file } from "./schema-values.js";

const { device, hook, priority, runOn, framing, mode } = attachmentAttributes.shape;

const program = z
  .strictObject({
    object: file.describe("ELF object file, as clang -target bpf makes it, relative to this file"),
    program: z
      .string()
      .min(1)
      .max(127)
      .optional()
      .describe("Function or section of the program; may be left out if the object has one program"),
    device: device.describe(attachmentAttributes.shape.device.description ?? ""),
    hook,
    priority: priority
      .unwrap()
      .prefault(50)
      .describe(priority.description ?? ""),
    "run-on": runOn
      .unwrap()
      .prefault(["pass"])
      .describe(runOn.description ?? ""),
    framing,
    mode: mode
      .unwrap()
      .prefault("user")
      .describe(mode.description ?? ""),
    globals: z
      .record(z.string(), z.unknown())
      .prefault({})
      .describe("Initial values of the object's global variables, by name"),
    pin: z
      .string()
      .regex(/^[\w.-]{1,64}$/, "expected 1 to 64 letters, digits, '_', '-' and '.'")
      .optional()
      .describe("Name by which the program and, as NAME.MAP, its maps are found"),
  })
  .describe("A program and the devices it runs on");

export const programs = z
  .array(program)
  .prefault([])
  .describe("Programs on devices, in the order in which those of one priority run");
