/** eBPF objects that programs and libraries carry in themselves (libbpf's skeletons, libxdp, libknot), found by their ELF headers. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";

const machineBpf = 247;

/** The objects in a file, whole ones alone, each once. */
export function embeddedObjects(file: string): readonly Uint8Array[] {
  if (!existsSync(file)) return [];
  const all = readFileSync(file);
  const magic = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  const found = new Map<string, Uint8Array>();
  for (let at = all.indexOf(magic); at >= 0; at = all.indexOf(magic, at + 1)) {
    if (at + 64 > all.length || all.readUInt16LE(at + 18) !== machineBpf) continue;
    // Section headers come last in what compilers and libbpf's linker write.
    const length = Number(all.readBigUInt64LE(at + 40)) + all.readUInt16LE(at + 58) * all.readUInt16LE(at + 60);
    if (at + length > all.length) continue;
    const bytes = Uint8Array.from(all.subarray(at, at + length));
    found.set(createHash("sha256").update(bytes).digest("hex"), bytes);
  }
  return [...found.values()];
}
