// One run of AAA, to be killed: opens sessions, closes half of them, and says when that is stored. Runs from dist/.
import { randomBytes } from "node:crypto";
import { createAaa } from "../../dist/gateway/aaa/index.js";
import { realClock } from "../../dist/gateway/clock.js";
import { Secret } from "../../dist/gateway/config/secret.js";

const { store, address, secret, sessions } = JSON.parse(process.argv[2]);
const quiet = () => {};
const aaa = await createAaa(
  {
    radius: [
      {
        name: "one",
        authentication: undefined,
        accounting: `${address}:1813`,
        secret: new Secret(Buffer.from(secret)),
        timeout: 200,
        tries: 2,
        deadTime: 200,
      },
    ],
    dynamic: undefined,
    local: undefined,
    fallback: "none",
    serverName: "lns",
    nasIdentifier: "lns",
    nasAddress: undefined,
    interimInterval: 0,
    accounting: true,
    store,
    filters: {},
  },
  {
    clock: realClock,
    random: randomBytes,
    log: { debug: quiet, info: quiet, warn: quiet, error: console.error },
    handler: { change: () => 503, disconnect: () => 503 },
  },
);

for (let i = 0; i < sessions; i++) {
  const caller = {
    session: `s${i}`,
    callingNumber: undefined,
    calledNumber: undefined,
    nasPort: i,
    nasPortId: `l2tp/1/${i}`,
    connectInfo: undefined,
    agentCircuitId: undefined,
    agentRemoteId: undefined,
    tunnelClient: "192.0.2.1",
    tunnelServer: "192.0.2.2",
  };
  const session = { caller, userName: `user${i}`, class: [], address: "10.0.0.1", started: realClock.now() - 60_000 };
  const usage = (bytes) => ({ inBytes: bytes, outBytes: 2 ** 32 + bytes, inPackets: 1, outPackets: 2 });
  aaa.accounting.start(session);
  aaa.accounting.interim(session, usage(i));
  if (i % 2 === 0) aaa.accounting.stop(session, usage(1000 + i), "user-request");
}
// Gathering takes 50 ms, and a transaction some more.
setTimeout(() => console.log("stored"), 1000);
const timer = setInterval(async () => {
  if (aaa.status().pending > 0) return;
  clearInterval(timer);
  await aaa.stop(2000);
  console.log("all delivered");
  process.exit(0);
}, 20);
