import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AaaConfig } from "../../src/gateway/aaa/config.js";
import { createAaa } from "../../src/gateway/aaa/index.js";
import type { Aaa, AuthenticationRequest } from "../../src/gateway/aaa/types.js";
import { realClock } from "../../src/gateway/clock.js";
import { Secret } from "../../src/gateway/config/secret.js";
import { silentLog } from "../../src/gateway/log.js";
import type { AuthOutput } from "../../src/ppp/auth/types.js";
import type { AuthProtocol } from "../../src/ppp/types.js";
import { eapType, encodeEap } from "../../src/wire/eap.js";
import { here } from "../peers/here.js";
import { startRadius } from "../peers/radius.js";
import { missing } from "../peers/requires.js";
import { undoStack } from "../peers/undo.js";
import { authenticatee, authenticator, client, events, sent } from "../sim/ppp-auth.js";

const title = "PPP authentication against freeradius";
const reason = missing(["setpriv", "freeradius"]);
if (reason !== undefined) console.warn(`skipped: ${title}: ${reason}`);

const address = "127.18.14.1";
const secret = "a secret of freeradius";

const config: AaaConfig = {
  radius: [
    {
      name: "one",
      authentication: `${address}:1812`,
      accounting: `${address}:1813`,
      secret: new Secret(Buffer.from(secret)),
      timeout: 1000,
      tries: 3,
      deadTime: 1000,
    },
  ],
  dynamic: undefined,
  local: undefined,
  fallback: "none",
  serverName: "lns",
  nasIdentifier: "lns1",
  nasAddress: "192.0.2.2",
  interimInterval: 0,
  accounting: false,
  store: undefined,
  filters: {},
};

const caller: AuthenticationRequest["caller"] = {
  session: "5e551012",
  callingNumber: undefined,
  calledNumber: undefined,
  nasPort: 1,
  nasPortId: "l2tp/1/2",
  connectInfo: undefined,
  agentCircuitId: undefined,
  agentRemoteId: undefined,
  tunnelClient: "192.0.2.1",
  tunnelServer: "192.0.2.2",
};

describe.skipIf(reason !== undefined)(title, () => {
  const undo = undoStack();
  let aaa: Aaa;

  beforeAll(async () => {
    const users = [{ name: "alice", password: "wönderland" }];
    await startRadius(undo, here, { address, client: "127.0.0.1", secret, users });
    aaa = await createAaa(config, {
      clock: realClock,
      random: (length) => randomBytes(length),
      log: silentLog,
      handler: { change: () => undefined, disconnect: () => undefined },
    });
    undo.defer(() => aaa.stop(0));
  });
  afterAll(() => undo.run());

  /** Both machines, and the server as the judge; `unwanted` is a type of EAP that the peer refuses. */
  async function dial(method: AuthProtocol, password: string, unwanted?: number) {
    const server = authenticator(method);
    const peer = authenticatee(method, client("alice", password));
    const outcome: { server: AuthOutput[]; peer: AuthOutput[]; types: number[] } = { server: [], peer: [], types: [] };
    let continuation: unknown;
    const answer = (request: Uint8Array): readonly AuthOutput[] => {
      const [code, identifier = 0, , , type] = request;
      if (code === 1 && type !== undefined) outcome.types.push(type);
      if (method !== "eap" || code !== 1 || type !== unwanted) return peer.handle(request);
      const data = Uint8Array.of(eapType.mschapv2);
      return [{ type: "send", packet: encodeEap({ code: 2, identifier, type: eapType.nak, data }) }];
    };
    const serverDid = async (outputs: readonly AuthOutput[]): Promise<void> => {
      outcome.server.push(...events(outputs));
      for (const packet of sent(outputs)) await peerDid(answer(packet));
      for (const output of outputs) {
        if (output.type !== "authenticate") continue;
        const { credentials } = output;
        const verdict = await aaa.authenticate({ caller, userName: credentials.name, credentials, continuation });
        continuation = verdict.verdict === "challenge" ? verdict.continuation : undefined;
        await serverDid(server.judge(verdict.judgement));
      }
    };
    const peerDid = async (outputs: readonly AuthOutput[]): Promise<void> => {
      outcome.peer.push(...events(outputs));
      for (const packet of sent(outputs)) await serverDid(server.handle(packet));
    };
    await serverDid(server.take());
    await peerDid(peer.take());
    return outcome;
  }

  it.each<[AuthProtocol, number | undefined]>([
    ["pap", undefined],
    ["chap-md5", undefined],
    ["mschap", undefined],
    ["mschapv2", undefined],
    ["eap", undefined],
    ["eap", eapType.md5],
  ])("%s (without type %s) is accepted with the password and refused without", async (method, unwanted) => {
    const good = await dial(method, "wönderland", unwanted);
    expect(good.server.at(-1)).toEqual({ type: "succeeded", name: "alice" });
    expect(good.peer.map(({ type }) => type)).toEqual(["succeeded"]);
    if (method === "eap") expect(good.types).toContain(unwanted === undefined ? eapType.md5 : eapType.mschapv2);

    const bad = await dial(method, "wonderland", unwanted);
    expect(bad.server.at(-1)).toMatchObject({ type: "failed", reason: "rejected" });
    expect(bad.peer.at(0)).toMatchObject({ type: "failed", reason: "rejected" });
  });
});
