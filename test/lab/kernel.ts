import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../peers/process.js";

/** Debian's kernel, unpacked and never installed. */
export interface Kernel {
  readonly release: string;
  readonly image: string;
  /** Root for `modprobe -d`. */
  readonly directory: string;
  readonly initramfs: string;
}

const cache = fileURLToPath(new URL("../.cache/", import.meta.url));
const guestInit = fileURLToPath(new URL("init.sh", import.meta.url));

/** Subtrees of the module directory that the lab's guests may load from; the rest would be 300 MB. */
const subtrees = [
  "net",
  "drivers/net",
  "drivers/virtio",
  "drivers/char",
  "fs/9p",
  "fs/fscache",
  "fs/netfs",
  "lib",
  "crypto",
];

/** Modules that the initramfs loads to reach the host's files. */
const early = ["fs/9p/9p", "net/9p/9pnet_virtio", "drivers/virtio/virtio_pci"];

/**
 * The kernel that Debian's `linux-image-amd64` depends on. Downloaded with apt-get the first time, from then on out of
 * `test/.cache/` with no look at the network.
 */
export async function guestKernel(): Promise<Kernel> {
  mkdirSync(cache, { recursive: true });
  const directory = existing() ?? (await download());
  const release = basename(directory).replace(/^linux-/, "");
  return {
    release,
    directory,
    image: join(directory, "boot", `vmlinuz-${release}`),
    initramfs: await buildInitramfs(directory, release),
  };
}

const existing = (): string | undefined => {
  const newest = readdirSync(cache)
    .filter((name) => name.startsWith("linux-"))
    .sort()
    .at(-1);
  return newest === undefined ? undefined : join(cache, newest);
};

async function download(): Promise<string> {
  const scratch = mkdtempSync(join(cache, "scratch-"));
  try {
    const name = await packageName();
    const apt = ["env", `--chdir=${scratch}`, "apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name];
    await run(apt, { timeout: 300_000 });
    const [archive = ""] = readdirSync(scratch);
    const release = name.replace(/^linux-image-/, "");
    const root = join(scratch, "root");
    mkdirSync(root);
    const modules = `./lib/modules/${release}`;
    const wanted = [
      `./boot/vmlinuz-${release}`,
      `${modules}/modules.*`,
      ...subtrees.map((tree) => `${modules}/kernel/${tree}`),
    ];
    const tar = `dpkg-deb --fsys-tarfile "$0" | tar -x -C "$1" --wildcards ${wanted.map((path) => `'${path}'`).join(" ")}`;
    await run(["sh", "-c", tar, join(scratch, archive), root], { timeout: 120_000 });
    await run(["depmod", "-b", root, release]);
    const directory = join(cache, `linux-${release}`);
    renameSync(root, directory);
    return directory;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** What `linux-image-amd64` depends on. Refreshes apt's lists when they do not know it. */
async function packageName(): Promise<string> {
  const ask = async () =>
    (await run(["apt-cache", "depends", "linux-image-amd64"])).match(/Depends: (linux-image-\S+)/)?.[1];
  const known = await ask().catch(() => undefined);
  if (known !== undefined) return known;
  await run(["apt-get", "-qq", "update"], { timeout: 120_000 });
  const name = await ask();
  if (name === undefined) throw new Error("apt-cache: linux-image-amd64 depends on no kernel");
  return name;
}

async function buildInitramfs(directory: string, release: string): Promise<string> {
  const scratch = mkdtempSync(join(cache, "scratch-"));
  try {
    for (const name of ["bin", "modules", "proc", "mnt"]) mkdirSync(join(scratch, name));
    cpSync("/usr/bin/busybox", join(scratch, "bin", "busybox"), { dereference: true });
    cpSync(guestInit, join(scratch, "init"));
    const source = join(directory, "lib", "modules", release);
    const order = loadOrder(readFileSync(join(source, "modules.dep"), "utf8"));
    for (const path of order) cpSync(join(source, path), join(scratch, "modules", basename(path)));
    writeFileSync(join(scratch, "modules", "order"), order.map((path) => `${basename(path)}\n`).join(""));
    const file = join(directory, "initramfs");
    await run([
      "sh",
      "-ec",
      'cd "$0"; chmod 755 init; find . | cpio -o -H newc --quiet > "$1".new; mv "$1".new "$1"',
      scratch,
      file,
    ]);
    if (!existsSync(file)) throw new Error(`${file} was not made`);
    return file;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The early modules with what they need before them, from modules.dep(5), which lists the nearest dependency first. */
function loadOrder(dependencies: string): readonly string[] {
  const lines = new Map(
    dependencies.split("\n").map((line) => [line.split(":")[0] ?? "", line.split(/:? /).filter(Boolean)]),
  );
  const order = new Set<string>();
  for (const module of early) {
    const line = lines.get(`kernel/${module}.ko`);
    if (line === undefined) throw new Error(`modules.dep does not list ${module}`);
    for (const path of [...line].reverse()) order.add(path);
  }
  return [...order];
}
