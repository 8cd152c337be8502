/**
 * Programs on devices. What is attached to a hook of a device, in order, is its chain; devices with the same programs share one. Threads
 * know a chain before the first device has it, and it is taken away when no frame can be on it any more, so that a frame meets the
 * old chain or the new one, whole.
 */
import type { z } from "zod";
import {
  type AttachmentState,
  attachmentKey,
  attachmentReplace,
  attachmentsChange,
  deviceAttach,
  type Framing,
  type Hook,
  hooks,
  type VerdictName,
  verdicts,
} from "../attributes.js";
import type { Dataplane, DeleteReason } from "../contract.js";
import { parse, refuse } from "../errors.js";
import type { HookedDevice } from "./hooked-devices.js";
import type { Chain } from "./hooks/runner.js";
import type { Core } from "./objects.js";
import type { Program } from "./program-state.js";

export interface Attachment {
  readonly handle: number;
  readonly device: string;
  readonly hook: Hook;
  readonly priority: number;
  readonly runOn: readonly VerdictName[];
  readonly framing: Framing | undefined;
  program: Program;
  readonly fits: (name: string) => boolean;
  /** It names one device. */
  readonly exact: boolean;
}

export interface Attachments {
  readonly operations: Pick<Dataplane["device"], "attach" | "replace" | "detach" | "change" | "attachments">;
  /** Gives a device that has just come what is attached to its name. Resolves when its programs would see a frame. */
  born(device: HookedDevice): Promise<void> | undefined;
  /** A device is gone: attachments to it by name are, too. */
  gone(device: HookedDevice, reason: DeleteReason): void;
}

/** What attachments need of the threads and of other objects. */
export interface AttachmentHost {
  /** Has every thread know a chain, or forget it. */
  install(index: number, chain: Chain | undefined): Promise<void>;
  program(handle: number): Program;
  /** A program is in use by one more, or one less. */
  hold(program: Program, by: number): void;
  /** Numbers of attachments, never the same twice. */
  nextHandle(): number;
  devices(): Iterable<HookedDevice>;
  device(name: string): HookedDevice | undefined;
}

interface Installed {
  readonly index: number;
  readonly programs: readonly Program[];
  readonly ready: Promise<void>;
  settled: boolean;
  users: number;
}

const mostChains = 65_535;
const mostPrograms = 16;
const wildcard = /[*?]/;

function matcher(pattern: string): (name: string) => boolean {
  if (!wildcard.test(pattern)) return (name) => name === pattern;
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  const expression = new RegExp(`^${source}$`);
  return (name) => expression.test(name);
}

const bitsOf = (names: readonly VerdictName[]): number =>
  names.reduce((bits, name) => bits | (1 << verdicts.indexOf(name)), 0);

export function createAttachments(core: Core, host: AttachmentHost): Attachments {
  const { events, grace } = core;
  const attachments = new Map<number, Attachment>();
  /** Those that name one device, and those that are patterns. */
  const byName = new Map<string, Attachment[]>();
  let patterns: Attachment[] = [];
  const chains = new Map<string, Installed>();
  /** Their records may be other devices' by now. */
  const dead = new WeakSet<HookedDevice>();
  const free: number[] = [];
  let lastIndex = 0;

  const fitting = (device: HookedDevice, hook: Hook): readonly Attachment[] =>
    [...(byName.get(device.name) ?? []), ...patterns.filter(({ fits }) => fits(device.name))]
      .filter((attachment) => attachment.hook === hook)
      .sort((a, b) => a.priority - b.priority || a.handle - b.handle);

  /** The chain that a device's hook is to have; undefined: none. */
  function wanted(device: HookedDevice, hook: Hook): Installed | undefined {
    const found = fitting(device, hook);
    const [first] = found;
    if (first === undefined) return undefined;
    const framing = first.framing ?? device.framing;
    const programs = found.map(({ program, runOn }) => ({ slot: program.slot, runOn: bitsOf(runOn) }));
    const key = `${framing} ${programs.map(({ slot, runOn }) => `${slot}:${runOn}`).join(" ")}`;
    const known = chains.get(key);
    if (known !== undefined) return known;
    const index = free.pop() ?? ++lastIndex;
    const chain: Chain = { programs, framing };
    const used = found.map(({ program }) => program);
    for (const program of used) host.hold(program, 1);
    const installed: Installed = { index, programs: used, ready: host.install(index, chain), settled: false, users: 0 };
    void installed.ready.then(() => {
      installed.settled = true;
    });
    chains.set(key, installed);
    return installed;
  }

  function put(device: HookedDevice, hook: Hook, chain: Installed | undefined): void {
    const before = device.chains[hook] as Installed | undefined;
    if (before === chain || dead.has(device)) return;
    if (before !== undefined) before.users--;
    if (chain !== undefined) chain.users++;
    device.chains[hook] = chain;
    device.set(hook, chain?.index ?? 0);
  }

  /** Gives devices what is attached to them now. Resolves when no frame meets what was attached before. */
  async function settle(devices: () => Iterable<HookedDevice>): Promise<void> {
    for (;;) {
      const waiting: Promise<void>[] = [];
      for (const device of devices()) {
        for (const hook of hooks) {
          const chain = wanted(device, hook);
          if (chain?.settled === false) waiting.push(chain.ready);
        }
      }
      if (waiting.length === 0) break;
      await Promise.all(waiting);
    }
    for (const device of devices()) for (const hook of hooks) put(device, hook, wanted(device, hook));
    await grace();
  }

  /** Has threads forget chains that no device has. */
  async function sweep(): Promise<void> {
    const unused = [...chains].filter(([, { users, settled }]) => users === 0 && settled);
    await Promise.all(
      unused.map(async ([key, { index, programs }]) => {
        chains.delete(key);
        await host.install(index, undefined);
        free.push(index);
        for (const program of programs) host.hold(program, -1);
      }),
    );
  }

  function sweepLater(): void {
    sweep().catch(() => {
      // The threads have ended, and their chains with them.
    });
  }

  /** Devices that some of these are on. */
  const devicesOf = (changed: readonly Attachment[]): (() => Iterable<HookedDevice>) =>
    changed.every(({ exact }) => exact)
      ? () => {
          const names = new Set(changed.map(({ device }) => device));
          return [...names].map(host.device).filter((found) => found !== undefined);
        }
      : host.devices;

  function add(attachment: Attachment): void {
    attachments.set(attachment.handle, attachment);
    if (attachment.exact) byName.set(attachment.device, [...(byName.get(attachment.device) ?? []), attachment]);
    else patterns = [...patterns, attachment];
  }

  function remove(attachment: Attachment): void {
    attachments.delete(attachment.handle);
    const left = (byName.get(attachment.device) ?? []).filter((other) => other !== attachment);
    if (left.length > 0) byName.set(attachment.device, left);
    else byName.delete(attachment.device);
    patterns = patterns.filter((other) => other !== attachment);
  }

  function state(attachment: Attachment): AttachmentState {
    const { handle, device, hook, program, priority, runOn, framing, exact } = attachment;
    let devices = 0;
    if (exact) devices = host.device(device) === undefined ? 0 : 1;
    else for (const each of host.devices()) if (attachment.fits(each.name)) devices++;
    return {
      attachment: handle,
      device,
      hook,
      program: program.handle,
      priority,
      runOn: [...runOn],
      framing,
      mode: "user",
      devices,
    };
  }

  const find = (handle: number): Attachment =>
    attachments.get(handle) ??
    refuse("ENOENT", `attachment ${handle}`, "no such attachment", "see `program attachments`");

  /** Whether one more program can be on a device's hook. */
  function checkRoom(device: HookedDevice, hook: Hook, framing: Framing | undefined): void {
    const others = fitting(device, hook);
    const object = `device ${device.name}`;
    if (others.length >= mostPrograms) refuse("E2BIG", object, `has ${mostPrograms} programs on ${hook} already`);
    const theirs = others[0]?.framing ?? device.framing;
    if (others.length > 0 && theirs !== (framing ?? device.framing)) {
      refuse("EINVAL", object, `its programs on ${hook} see framing ${theirs}`, "use the same for all of a hook");
    }
  }

  function programFor(handle: number, object: string): Program {
    const program = host.program(handle);
    if (program.spec.attach !== "xdp") {
      refuse(
        "EINVAL",
        object,
        `program ${program.spec.name} is of section ${program.spec.section}: it runs in maps only`,
      );
    }
    return program;
  }

  /** Adds an attachment that nothing speaks against. Devices have it when they settle. */
  function enter({
    device,
    hook,
    program: handle,
    priority,
    runOn,
    framing,
  }: z.output<typeof deviceAttach>): Attachment {
    const object = `device ${device}`;
    const program = programFor(handle, object);
    const exact = !wildcard.test(device);
    const target = exact ? host.device(device) : undefined;
    if (exact && target === undefined) refuse("ENODEV", object, "no such device", "see `device list`");
    target?.check(hook, framing);
    const fits = matcher(device);
    for (const each of exact ? [target!] : host.devices()) {
      if (fits(each.name)) checkRoom(each, hook, framing);
    }
    if (chains.size >= mostChains) refuse("ENOSPC", object, `there are ${mostChains} chains of programs already`);
    const attachment: Attachment = {
      handle: host.nextHandle(),
      device,
      hook,
      priority,
      runOn,
      framing,
      program,
      fits,
      exact,
    };
    add(attachment);
    return attachment;
  }

  /** All of a change, or none of it. */
  function enterAll({ attach, replace, detach }: z.output<typeof attachmentsChange>) {
    const undo: (() => void)[] = [];
    try {
      const removed = detach.flatMap(({ attachment: handle }) => attachments.get(handle) ?? []);
      for (const attachment of removed) {
        remove(attachment);
        undo.push(() => add(attachment));
      }
      const replaced = replace.map(({ attachment: handle, program: next }) => {
        const attachment = find(handle);
        const before = attachment.program;
        attachment.program = programFor(next, `attachment ${handle}`);
        undo.push(() => {
          attachment.program = before;
        });
        return { attachment, before };
      });
      const added = attach.map((each) => {
        const attachment = enter(each);
        undo.push(() => remove(attachment));
        return attachment;
      });
      return { added, replaced, removed };
    } catch (error) {
      for (const step of undo.reverse()) step();
      throw error;
    }
  }

  function left({ handle, program }: Attachment): void {
    host.hold(program, -1);
    events.emit({ type: "program-detached", attachment: handle, reason: "deleted" });
  }

  return {
    operations: {
      async attach(input) {
        const attachment = enter(parse(deviceAttach, "attachment", input));
        host.hold(attachment.program, 1);
        await settle(devicesOf([attachment]));
        await sweep();
        if (!attachments.has(attachment.handle)) refuse("ENODEV", `device ${attachment.device}`, "has gone meanwhile");
        events.emit({ type: "program-attached", attachment: attachment.handle });
        return state(attachment);
      },
      async replace(input) {
        const { attachment: handle, program: next } = parse(attachmentReplace, "attachment", input);
        const attachment = find(handle);
        const program = programFor(next, `attachment ${handle}`);
        const before = attachment.program;
        if (before === program) return state(attachment);
        host.hold(program, 1);
        attachment.program = program;
        await settle(devicesOf([attachment]));
        // Nobody waits for threads to forget what no frame meets any more.
        sweepLater();
        host.hold(before, -1);
        return state(attachment);
      },
      async detach(key) {
        const attachment = find(parse(attachmentKey, "attachment", key).attachment);
        remove(attachment);
        await settle(devicesOf([attachment]));
        await sweep();
        left(attachment);
      },
      async change(input) {
        const { added, replaced, removed } = enterAll(parse(attachmentsChange, "attachments", input));
        for (const { program } of added) host.hold(program, 1);
        for (const { attachment } of replaced) host.hold(attachment.program, 1);
        await settle(devicesOf([...added, ...removed, ...replaced.map(({ attachment }) => attachment)]));
        await sweep();
        for (const { before } of replaced) host.hold(before, -1);
        removed.forEach(left);
        for (const { handle } of added) events.emit({ type: "program-attached", attachment: handle });
        return added.map(state);
      },
      async attachments() {
        return [...attachments.values()].sort((a, b) => a.handle - b.handle).map(state);
      },
    },
    born(device) {
      if (attachments.size === 0) return undefined;
      const chosen = hooks.map((hook) => wanted(device, hook));
      if (chosen.every((chain) => chain === undefined || chain.settled)) {
        for (const [index, hook] of hooks.entries()) put(device, hook, chosen[index]);
        return undefined;
      }
      return settle(() => [device]);
    },
    gone(device, reason) {
      dead.add(device);
      const own = byName.get(device.name) ?? [];
      for (const attachment of own) {
        remove(attachment);
        host.hold(attachment.program, -1);
        events.emit({ type: "program-detached", attachment: attachment.handle, reason });
      }
      // Its record keeps its chains: frames that are on their way through it meet them still.
      void grace().then(() => {
        for (const hook of hooks) {
          const chain = device.chains[hook] as Installed | undefined;
          if (chain !== undefined) chain.users--;
          device.chains[hook] = undefined;
        }
        sweepLater();
      });
    },
  };
}
