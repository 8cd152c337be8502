/** Programs of a configuration, examined as a start would load and attach them, and nothing loaded. */
import { existsSync } from "node:fs";
import { type ExaminedObject, type ExaminedProgram, examineObject } from "../dataplane/examine-object.js";
import { JunctorError } from "../errors.js";
import { type LoadedConfig, nearest, type ObjectConfig, type Problem, type ProgramConfig } from "../gateway/config.js";

export interface ProgramFindings {
  readonly mistakes: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export function checkPrograms({ config, problemAt }: LoadedConfig): ProgramFindings {
  const mistakes: Problem[] = [];
  const warnings: Problem[] = [];
  const examined = new Map<ObjectConfig, ExaminedObject | JunctorError>();
  const pins = new Map<string, string>();
  const names = new Map<string, string>();

  const examine = (object: ObjectConfig): ExaminedObject | JunctorError => {
    const known = examined.get(object) ?? attempt(object);
    examined.set(object, known);
    return known;
  };

  for (const [index, entry] of config.programs.entries()) {
    const mistake = (key: keyof ProgramConfig, message: string): void => {
      mistakes.push(problemAt(["programs", index, key], message));
    };
    const object = examine(entry.object);
    if (object instanceof JunctorError) {
      mistake("object", `${entry.object.file}: ${object.message}`);
      continue;
    }
    const program = pick(entry, object);
    if (typeof program === "string") {
      mistake(entry.program === undefined ? "object" : "program", program);
      continue;
    }
    for (const wrong of wrongWith(entry, object, program)) mistake("object", `${titleOf(entry, program)}: ${wrong}`);
    if (entry.pin !== undefined) {
      const identity = `${entry.object.key} ${program.name}`;
      const [holder, other] = [pins.get(entry.pin) ?? identity, names.get(identity) ?? entry.pin];
      if (holder !== identity)
        mistake("pin", `found ${entry.pin} again, expected a name of its own for ${program.name}`);
      if (other !== entry.pin) mistake("pin", `found ${entry.pin}, but ${program.name} has the name ${other} already`);
      pins.set(entry.pin, holder);
      names.set(identity, other);
    }
    const { device, mode } = entry;
    if (mode !== "user") {
      if (!existsSync(`/sys/class/net/${device}`)) {
        warnings.push(problemAt(["programs", index, "device"], `${device} is no interface of this host now`));
      }
    } else if (/^(?:channel|unit|tun)\/[^*?]+$/.test(device) && device !== `tun/${config.tun.name}`) {
      const message = `${device} is not there when the daemon starts, which would then fail`;
      warnings.push(problemAt(["programs", index, "device"], message));
    }
  }
  return { mistakes, warnings };
}

function attempt({ bytes, file, globals }: ObjectConfig): ExaminedObject | JunctorError {
  try {
    return examineObject(bytes, file, globals);
  } catch (error) {
    if (error instanceof JunctorError) return error;
    throw error;
  }
}

/** The program that an entry means, or what is wrong. */
function pick({ object, program: wanted }: ProgramConfig, { programs }: ExaminedObject): ExaminedProgram | string {
  const fit = programs.filter(({ name, section }) => wanted === undefined || name === wanted || section === wanted);
  const [first] = fit;
  if (first !== undefined && fit.length === 1) return first;
  const names = programs.map(({ name }) => name);
  if (names.length === 0) return `${object.file} has no XDP program`;
  if (first !== undefined) return `${object.file} has several programs, expected program: one of ${names.join(", ")}`;
  const meant = nearest(wanted ?? "", names);
  const hint = meant === undefined ? `expected one of ${names.join(", ")}` : `did you mean ${meant}?`;
  return `found ${wanted}, which is no program of ${object.file}; ${hint}`;
}

const titleOf = ({ object, device, hook }: ProgramConfig, { name }: ExaminedProgram): string =>
  `${object.file}: program ${name} on ${hook} of ${device}`;

/** Other programs of the object are loaded with this one. */
function* wrongWith(entry: ProgramConfig, object: ExaminedObject, program: ExaminedProgram): Iterable<string> {
  for (const { name, refused } of object.programs) {
    if (refused !== undefined) yield name === program.name ? refused : `${name}, which is loaded with it: ${refused}`;
  }
  if (program.attach !== "xdp") yield `it is of section ${program.section}, and runs in maps only`;
  if (entry.mode !== "user" && object.notForKernel !== undefined) yield `not for the kernel: ${object.notForKernel}`;
}
