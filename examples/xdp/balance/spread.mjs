// Prints the commands that spread the 256 buckets over devices, for `junctor --batch -`.
//
//   node spread.mjs 12 13 14                        over three devices, by their index (junctor device show)
//   node spread.mjs 12 13 14 --program 5            with program 5, count_sent, on the way out
//   node spread.mjs 12 13 14 --without 13           13 out of service: only its buckets change
//   node spread.mjs 12 13 14 --home 11              what comes back by them goes to device 11
const buckets = 256;

function usage(problem) {
  console.error(
    `spread.mjs: ${problem}\nusage: node spread.mjs DEVICE… [--program N] [--without DEVICE]… [--home DEVICE]`,
  );
  process.exit(2);
}

const devices = [];
const without = new Set();
let program = 0;
let home;
const words = process.argv.slice(2);
while (words.length > 0) {
  const word = words.shift();
  const number = (text) => (/^\d+$/.test(text ?? "") ? Number(text) : usage(`${text ?? "nothing"} is no number`));
  if (word === "--program") program = number(words.shift());
  else if (word === "--without") without.add(number(words.shift()));
  else if (word === "--home") home = number(words.shift());
  else devices.push(number(word));
}
const inService = devices.filter((device) => !without.has(device));
if (inService.length === 0) usage("no device is left");

const value = (ifindex) => `'${JSON.stringify({ ifindex, bpf_prog: { fd: program } })}'`;
for (let bucket = 0; bucket < buckets; bucket++) {
  const usual = devices[bucket % devices.length];
  // Buckets of those out of service go round among the others.
  const turn = Math.floor(bucket / devices.length) % inService.length;
  const device = without.has(usual) ? inService[turn] : usual;
  console.log(`map update name buckets key ${bucket} value ${value(device)}`);
}
if (home !== undefined) {
  for (const device of devices) console.log(`map update name home key ${device} value ${value(home)}`);
}
