// Reads samples from a running daemon: one line each, or a file for Wireshark.
//
//   node read.mjs                       lines
//   node read.mjs --pcapng > file       stop with Ctrl-C
//   node read.mjs --pcapng | wireshark -k -i -
//   node read.mjs --count 10            ends after ten
//
// JUNCTOR names another command than `junctor`, as "node bin/junctor.js".
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { decodeSample, pcapngHeader, pcapngPacket } from "./sample.mjs";

const asPcapng = process.argv.includes("--pcapng");
const at = process.argv.indexOf("--count");
const count = at === -1 ? [] : ["count", process.argv[at + 1] ?? ""];
const [command = "junctor", ...first] = (process.env.JUNCTOR ?? "junctor").split(" ");
const reader = spawn(command, [...first, "--json", "map", "read", "name", "samples", ...count], {
  stdio: ["ignore", "pipe", "inherit"],
});
reader.on("error", (error) => {
  console.error(`read.mjs: ${command}: ${error.message}`);
  process.exitCode = 1;
});
reader.on("exit", (status) => {
  process.exitCode = status ?? 0;
});
process.stdout.on("error", () => reader.kill());

if (asPcapng) process.stdout.write(pcapngHeader());
for await (const line of createInterface({ input: reader.stdout })) {
  const sample = decodeSample(Buffer.from(JSON.parse(line).bytes, "hex"));
  if (asPcapng) process.stdout.write(pcapngPacket(sample));
  else {
    const { device, session, user, rate, length, data } = sample;
    const bytes = Buffer.from(data).toString("hex");
    console.log(`device ${device} session ${session} user ${user}: ${length} bytes, 1 in ${rate}: ${bytes}`);
  }
}
