// Prints the number that programs know a user by (junctor_user): 32-bit FNV-1a of its name in UTF-8.
//
//   node user-number.mjs alice bob@example.net
const names = process.argv.slice(2);
if (names.length === 0) {
  console.error("usage: node user-number.mjs NAME…");
  process.exit(2);
}
for (const name of names) {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x01000193);
  console.log(`${hash >>> 0} ${name}`);
}
