import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "../peers/netns.js";
import { temporaryDirectory, type Undo } from "../peers/undo.js";
import { guestKernel } from "./kernel.js";

/** A Linux guest under software emulation whose root is the host's, read-only. */
export interface Guest {
  /**
   * Runs a shell script as root and gives what it printed on both outputs. Rejects on a non-zero status and after `timeout`
   * ms (20 s unless told), when the script has been killed. One at a time. What it leaves in the background must not hold
   * its output.
   */
  run(script: string, options?: { timeout?: number }): Promise<string>;
  /** Puts a file where the guest sees it, and gives its path there. */
  file(name: string, text: string): string;
  /** The guest's console so far. */
  console(): string;
  stop(): Promise<void>;
}

/** Programs that a guest needs from the host. */
export const guestPrograms = [
  "qemu-system-x86_64",
  "busybox",
  "cpio",
  "depmod",
  "modprobe",
  "apt-get",
  "dpkg-deb",
  "tar",
];

const shared = "/run/lab";

/** What init.sh puts before its own lines, so that they cannot be mistaken for output. */
const separator = "\u001e";

/**
 * Boots a guest inside `space`, with one network card for each of the TAP devices named in `taps`, in their order: eth0,
 * eth1 … in the guest. The devices are created and are up; loads `modules`.
 */
export async function bootGuest(
  undo: Undo,
  space: Namespace,
  { taps, modules }: { taps: readonly string[]; modules: readonly string[] },
): Promise<Guest> {
  const kernel = await guestKernel();
  const home = temporaryDirectory(undo, "guest");
  for (const tap of taps) {
    await space.run(["ip", "tuntap", "add", "dev", tap, "mode", "tap"]);
    await space.run(["ip", "link", "set", tap, "up"]);
  }
  const share = (tag: string, path: string) => [
    "-virtfs",
    `local,path=${path},mount_tag=${tag},security_model=none,readonly=on,multidevs=remap`,
  ];
  const qemu = space.start([
    "qemu-system-x86_64",
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "512"],
    ...["-kernel", kernel.image, "-initrd", kernel.initramfs],
    ...["-append", "console=ttyS0 quiet panic=1 nokaslr mitigations=off"],
    ...["-nodefaults", "-display", "none", "-no-reboot"],
    ...["-serial", `file:${join(home, "console")}`, "-serial", "stdio"],
    ...share("root", "/"),
    ...share("kernel", kernel.directory),
    ...share("lab", home),
    ...taps.flatMap((tap, index) => [
      ...["-netdev", `tap,id=n${index},ifname=${tap},script=no,downscript=no`],
      ...[
        "-device",
        `virtio-net-pci,netdev=n${index},romfile=,mac=52:54:00:4a:4e:${index.toString().padStart(2, "0")}`,
      ],
    ]),
  ]);
  undo.defer(async () => void (await qemu.stop("SIGTERM", 2000)));
  await qemu.waitFor(new RegExp(`${separator}ready\n`), { timeout: 90_000 });

  let count = 0;
  let last: Promise<unknown> = Promise.resolve();
  const file = (name: string, text: string) => {
    writeFileSync(join(home, name), text);
    return `${shared}/${name}`;
  };

  async function execute(script: string, timeout: number): Promise<string> {
    const number = ++count;
    const body = file(`script-${number}`, script);
    file(`command-${number}`, `exec timeout -k 1 ${timeout / 1000} sh -e ${body}\n`);
    const since = qemu.mark();
    qemu.child.stdin?.write(`${number}\n`);
    const [, output = "", status] = await qemu.waitFor(new RegExp(`^(.*?)${separator}${number} (\\d+)\n`, "s"), {
      since,
      timeout: timeout + 10_000,
    });
    if (status !== "0") throw new Error(`in the guest, status ${status}:\n${script}\n${output}`);
    return output;
  }

  const guest: Guest = {
    file,
    run(script, { timeout = 20_000 } = {}) {
      const turn = last.then(() => execute(script, timeout));
      last = turn.catch(() => {});
      return turn;
    },
    console: () => readFileSync(join(home, "console"), "latin1"),
    async stop() {
      await qemu.stop("SIGTERM", 2000);
    },
  };
  await guest.run(modules.map((module) => `modprobe -d /run/kernel ${module}\n`).join(""));
  return guest;
}
