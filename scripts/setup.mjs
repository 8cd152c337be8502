// Brings a checkout to where it can run: npm packages, the build (--build) and Debian's test peers (--debian).
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Programs that the tests use as peers and oracles, and the Debian package each comes from. */
export const debianPackages = [
  "gcc",
  "clang",
  "clang-19",
  "llvm",
  "libbpf-dev",
  "bpftool",
  "gcc-bpf",
  "xdp-tools",
  "xdp-tests",
  "libc6-dev",
  "iproute2",
  "iputils-ping",
  "procps",
  "tcpdump",
  "tshark",
  "xl2tpd",
  "ppp",
  "l2tpns",
  "freeradius",
  "freeradius-utils",
  "qemu-system-x86",
  "busybox-static",
  "cpio",
  "kmod",
  "zstd",
  "man-db",
  "chromium",
];

function run(command, args, options = {}) {
  // Standard output belongs to the program that asked for the set-up, which may be printing JSON.
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2], ...options });
  if (status !== 0) throw new Error(`${command} ${args[0]} ${error?.message ?? `ended with status ${status}`}`);
}

/** A step without which nothing else can work. */
function must(command, args) {
  try {
    run(command, args);
  } catch (error) {
    console.error(`setup: ${error.message}`);
    process.exit(1);
  }
}

export function installPackages() {
  const wanted = join(root, "package-lock.json");
  const installed = join(root, "node_modules", ".package-lock.json");
  if (existsSync(installed)) {
    const { packages: have } = JSON.parse(readFileSync(installed, "utf8"));
    const { packages: want } = JSON.parse(readFileSync(wanted, "utf8"));
    const missing = Object.entries(want).filter(
      ([path, { version, optional }]) => path !== "" && !optional && have[path]?.version !== version,
    );
    if (missing.length === 0) return;
  }
  must("npm", ["ci", "--loglevel=error"]);
}

/** Compiles a project into a folder of its own, which is emptied first. */
export function compile(project, out) {
  rmSync(join(root, out), { recursive: true, force: true });
  must(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", project]);
}

export const build = () => compile("tsconfig.build.json", "dist");

/** Installs what is missing of the peers; says why when it cannot, and the tests that need them then skip. */
export function installDebianPackages() {
  const has = (name) => {
    try {
      return execFileSync("dpkg", ["-s", name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).includes(
        "Status: install ok installed",
      );
    } catch {
      return false;
    }
  };
  const apt = ["/usr/bin/apt-get", "/bin/apt-get"].find((path) => existsSync(path));
  if (apt === undefined) return console.error("setup: no apt-get here: tests with real peers will be skipped");
  const missing = debianPackages.filter((name) => !has(name));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    return console.error(`setup: not root, cannot install ${missing.join(" ")}: tests that need them will be skipped`);
  }
  // Run level 1: the packages' services are not started; the tests start their own.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const aptGet = (...args) => run(apt, ["-qq", "-o", "Dpkg::Use-Pty=0", ...args], { env });
  try {
    aptGet("update");
    aptGet("install", "-y", "--no-install-recommends", ...missing);
  } catch (error) {
    console.error(`setup: apt-get failed (${error.message}): tests that need ${missing.join(" ")} will be skipped`);
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  installPackages();
  if (process.argv.includes("--debian")) installDebianPackages();
  if (process.argv.includes("--build")) build();
}
