/** Programs of the configuration: object files are read. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import type { ResolveContext } from "./resolve.js";
import type { ConfigDocument } from "./schema.js";
import type { Config, ObjectConfig, ProgramConfig } from "./types.js";
import { wantedPorts } from "./wanted-ports.js";

const magic = [0x7f, 0x45, 0x4c, 0x46];

export function resolvePrograms(document: ConfigDocument, context: ResolveContext): readonly ProgramConfig[] {
  const objects = new Map<string, ObjectConfig>();

  function objectOf(
    name: string,
    globals: Readonly<Record<string, unknown>>,
    path: readonly PropertyKey[],
  ): ObjectConfig {
    const file = resolve(context.directory, name);
    let bytes: Uint8Array = new Uint8Array();
    try {
      bytes = readFileSync(file);
      if (magic.some((byte, at) => bytes[at] !== byte)) {
        context.mistake(path, `found ${name}, which is no ELF file, expected an object made by clang -target bpf`);
      }
    } catch (cause) {
      context.mistake(path, `cannot read ${name}: ${(cause as Error).message}`);
    }
    const hash = createHash("sha256").update(bytes).update(JSON.stringify(globals)).digest("hex");
    const key = `${file} ${hash}`;
    const known = objects.get(key) ?? { key, file, bytes, globals };
    objects.set(key, known);
    return known;
  }

  return document.programs.map((entry, index) => {
    const { object, "run-on": runOn, globals, program, framing, pin, device, hook, priority, mode } = entry;
    const at = ["programs", index, "object"];
    if (mode !== "user" && hook !== "ingress") {
      context.mistake(
        ["programs", index, "hook"],
        `found ${hook}, expected ingress: the kernel runs programs on nothing else`,
      );
    }
    if (mode !== "user" && /[*?]/.test(device)) {
      context.mistake(
        ["programs", index, "device"],
        `found ${device}, expected the name of an interface: mode ${mode} has no patterns`,
      );
    }
    return { object: objectOf(object, globals, at), program, device, hook, priority, runOn, framing, mode, pin };
  });
}

/** Ports are those of the configuration; of the other devices, some come later. */
export function checkDevices(config: Config, context: ResolveContext): void {
  const ports = wantedPorts(config);
  for (const [index, { device, mode }] of config.programs.entries()) {
    if (mode !== "user" || /[*?]/.test(device) || /^(?:channel|unit|tun)\//.test(device)) continue;
    const [, address = ""] = /^\w+\/(.*)$/.exec(device) ?? [];
    // The system chooses the number where the port is 0.
    if (ports.has(address) || ports.has(address.replace(/:\d+$/, ":0"))) continue;
    const there = [...ports.keys()].map((each) => `udp/${each}`).join(", ") || "no port";
    const mend = device.includes("/") ? `expected a pattern, or one of ${there}` : "mode native or generic?";
    const message = `found ${device}, which is no device of this configuration; ${mend}`;
    context.mistake(["programs", index, "device"], message);
  }
}
