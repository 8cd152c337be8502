/** Programs that run in the kernel, on interfaces of the host: attached by the same commands, with maps of their own in the kernel. */
import { JunctorError } from "../../errors.js";
import type { ObjectSpec } from "../../xdp/spec.js";
import {
  type AttachmentKey,
  type AttachmentState,
  type AttachmentsChange,
  attachmentKey,
  attachmentReplace,
  type DeviceAttach,
  deviceAttach,
  type MapState,
} from "../attributes.js";
import type { Dataplane } from "../contract.js";
import { parse, refuse } from "../errors.js";
import type { HostAttachment, HostMap, HostObject, HostPrograms } from "../kernel-programs.js";
import type { Attachments } from "./attachments.js";
import type { Program } from "./program-state.js";

export interface HostAttachments {
  readonly operations: Pick<Dataplane["device"], "attach" | "replace" | "detach" | "attachments">;
  has(attachment: number): boolean;
  /** Attaches what was detached again, under its number. */
  restore(state: AttachmentState): Promise<void>;
  /** Maps of programs in the kernel, by handle: theirs in the kernel from `firstHostMap` on. */
  map(handle: number): HostMap | undefined;
  maps(): readonly MapState[];
  close(): void;
}

/** Handles of maps in the kernel begin here; what is above is the kernel's id. */
export const firstHostMap = 0x8000_0000;

interface Attached {
  readonly handle: number;
  readonly device: string;
  readonly mode: "native" | "generic";
  program: Program;
  object: Loaded;
  readonly attachment: HostAttachment;
}

interface Loaded {
  readonly spec: ObjectSpec;
  readonly host: HostObject;
  users: number;
}

export function createHostAttachments(
  host: HostPrograms | undefined,
  find: (program: number) => Program,
  hold: (program: Program, by: number) => void,
  nextHandle: () => number,
): HostAttachments {
  const attached = new Map<number, Attached>();
  /** One for all attachments of an object's programs, which share its maps. */
  const loaded = new Map<ObjectSpec, Loaded>();

  function attempt<T>(object: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof JunctorError)) throw error;
      return refuse(error.code as "EINVAL", object, error.problem, error.hint);
    }
  }

  function use(program: Program): Loaded {
    const spec = program.object();
    const known = loaded.get(spec) ?? { spec, host: host!.load(spec), users: 0 };
    loaded.set(spec, known);
    known.users++;
    return known;
  }

  function leave(object: Loaded): void {
    if (--object.users > 0) return;
    loaded.delete(object.spec);
    object.host.close();
  }

  const state = ({ handle, device, mode, program }: Attached): AttachmentState => ({
    attachment: handle,
    device,
    hook: "ingress",
    program: program.handle,
    priority: 0,
    runOn: [],
    framing: "ethernet",
    mode,
    devices: 1,
  });

  const get = (handle: number): Attached =>
    attached.get(handle) ?? refuse("ENOENT", `attachment ${handle}`, "no such attachment", "see `program attachments`");

  const hostMaps = (): readonly HostMap[] => [...loaded.values()].flatMap(({ host: { maps } }) => [...maps.values()]);

  function mapState({ id, spec }: HostMap): MapState {
    const { name, type, keySize, valueSize, maxEntries, flags } = spec;
    const programs = [...attached.values()]
      .filter(({ program }) => program.spec.maps.some((map) => map.name === name))
      .map(({ program }) => program.handle);
    return { map: firstHostMap + id, name, type, keySize, valueSize, maxEntries, flags, programs };
  }

  function attach(input: DeviceAttach, handle: number): AttachmentState {
    const { device, hook, program: wanted, mode } = parse(deviceAttach, "attachment", input);
    const object = `device ${device}`;
    const missing = host === undefined ? "this engine has no access to the kernel" : host.missing();
    if (missing !== undefined) refuse("EOPNOTSUPP", object, `programs cannot run in the kernel here: ${missing}`);
    if (hook !== "ingress") {
      refuse("EOPNOTSUPP", object, "the kernel runs programs on ingress only", "use a devmap for what leaves");
    }
    if (mode === "user") return refuse("EINVAL", object, "mode user is this engine's");
    const program = find(wanted);
    const used = attempt(object, () => use(program));
    try {
      const attachment = attempt(object, () => used.host.attach(program.spec.name, device, mode));
      const made: Attached = { handle, device, mode, program, object: used, attachment };
      attached.set(made.handle, made);
      hold(program, 1);
      return state(made);
    } catch (error) {
      leave(used);
      throw error;
    }
  }

  return {
    has: (handle) => attached.has(handle),
    restore: async (was) => void attach({ ...was, runOn: [...was.runOn] }, was.attachment),
    map: (handle) => hostMaps().find(({ id }) => id === handle - firstHostMap),
    maps: () => hostMaps().map(mapState),
    operations: {
      attach: async (input) => attach(input, nextHandle()),
      async replace(input) {
        const { attachment: handle, program: next } = parse(attachmentReplace, "attachment", input);
        const found = get(handle);
        const program = find(next);
        const object = `device ${found.device}`;
        const used = attempt(object, () => use(program));
        try {
          attempt(object, () => found.attachment.replace(used.host, program.spec.name));
        } catch (error) {
          leave(used);
          throw error;
        }
        leave(found.object);
        hold(found.program, -1);
        hold(program, 1);
        found.object = used;
        found.program = program;
        return state(found);
      },
      async detach(key) {
        const found = get(parse(attachmentKey, "attachment", key).attachment);
        attached.delete(found.handle);
        found.attachment.detach();
        leave(found.object);
        hold(found.program, -1);
      },
      async attachments() {
        return [...attached.values()].map(state);
      },
    },
    close() {
      for (const { attachment, object } of attached.values()) {
        attachment.detach();
        leave(object);
      }
      attached.clear();
    },
  };
}

/** Attachments of both kinds as one: the mode says which is meant. */
export function chooseAttachments(
  own: Attachments["operations"],
  { operations: host, has, restore }: HostAttachments,
): Attachments["operations"] {
  const isHost = (input: unknown): boolean => {
    const { mode } = input as { mode?: unknown };
    return mode === "native" || mode === "generic";
  };

  /** Steps on the host, each with what undoes it. What takes an interface's place comes after what leaves it. */
  async function changeHost({ attach, replace, detach }: AttachmentsChange, undo: (() => Promise<unknown>)[]) {
    const states = new Map((await host.attachments()).map((state) => [state.attachment, state]));
    const taken = new Set(attach.map(({ device }) => device));
    const later: AttachmentKey[] = [];
    for (const key of detach) {
      const state = states.get(key.attachment);
      if (state === undefined) continue;
      if (!taken.has(state.device)) later.push(key);
      else {
        await host.detach(key);
        undo.push(() => restore(state));
      }
    }
    for (const { attachment, program } of replace) {
      const before = states.get(attachment)?.program ?? 0;
      await host.replace({ attachment, program });
      undo.push(() => host.replace({ attachment, program: before }));
    }
    const attached: AttachmentState[] = [];
    for (const each of attach) {
      const state = await host.attach(each);
      undo.push(() => host.detach({ attachment: state.attachment }));
      attached.push(state);
    }
    return { attached, later };
  }

  return {
    attach: (input) => (isHost(input) ? host.attach(input) : own.attach(input)),
    replace: (input) => (has(input.attachment) ? host.replace(input) : own.replace(input)),
    detach: (key) => (has(key.attachment) ? host.detach(key) : own.detach(key)),
    async change({ attach, replace, detach }) {
      const undo: (() => Promise<unknown>)[] = [];
      const onHost = ({ attachment }: AttachmentKey): boolean => has(attachment);
      const ofHost = { attach: attach.filter(isHost), replace: replace.filter(onHost), detach: detach.filter(onHost) };
      const not =
        <T>(those: readonly T[]) =>
        (each: T): boolean =>
          !those.includes(each);
      try {
        const { attached, later } = await changeHost(ofHost, undo);
        const made = await own.change({
          attach: attach.filter(not(ofHost.attach)),
          replace: replace.filter(not(ofHost.replace)),
          detach: detach.filter(not(ofHost.detach)),
        });
        for (const key of later) await host.detach(key);
        const [ours, theirs] = [made.values(), attached.values()];
        return attach.map((each) => (isHost(each) ? theirs : ours).next().value!);
      } catch (error) {
        for (const step of undo.reverse()) await step().catch(() => {});
        throw error;
      }
    },
    attachments: async () => [...(await own.attachments()), ...(await host.attachments())],
  };
}
