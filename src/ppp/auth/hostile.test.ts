/** Peers that send anything: packets of the other machine, broken, in any order, from any method, for ever. */
import { expect, test } from "vitest";
import { long, seeds } from "../../../test/seed.js";
import { authenticatee, authenticator, type Bench, client, sent, settings } from "../../../test/sim/ppp-auth.js";
import { seededNumbers } from "../../random.js";
import { eapCode, eapType, encodeEap } from "../../wire/eap.js";
import type { AuthProtocol, Judgement } from "../types.js";
import type { Authenticatee, Authenticator, AuthOutput } from "./types.js";

const methods: readonly AuthProtocol[] = ["pap", "chap-md5", "mschap", "mschapv2", "eap"];
const steps = long ? 20_000 : 600;

const judgements: readonly Judgement[] = [
  { verdict: "accept", message: "S=" },
  { verdict: "reject", message: "no" },
  { verdict: "challenge", eap: encodeEap({ code: eapCode.request, identifier: 3, type: 13, data: new Uint8Array(9) }) },
  {
    verdict: "challenge",
    eap: encodeEap({ code: eapCode.request, identifier: 4, type: eapType.md5, data: Uint8Array.of(1, 9) }),
  },
];

function mutant(packet: Uint8Array, number: () => number): Uint8Array {
  const copy = Uint8Array.from(packet);
  for (let change = Math.floor(number() * 3); change > 0; change--) {
    copy[Math.floor(number() * copy.length)] = Math.floor(number() * 256);
  }
  if (number() < 0.5) copy[0] = Math.floor(number() * 6);
  return number() < 0.2 ? copy.subarray(0, Math.floor(number() * copy.length)) : copy;
}

/** A deadline is never in the past twice: what is due has been done. */
function check(bench: Bench<Authenticator | Authenticatee>, outputs: readonly AuthOutput[]): void {
  expect(outputs.length).toBeLessThanOrEqual(3);
  for (const packet of sent(outputs)) expect(packet.length).toBeLessThanOrEqual(1400);
  structuredClone(bench.state);
  expect(JSON.stringify(bench.state, bytesAsLength).length).toBeLessThan(1500);
}

const bytesAsLength = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? "x".repeat(value.length) : value;

test.each(methods.flatMap((method) => seeds(4).map((seed) => [method, seed] as const)))(
  "%s outlives a hostile peer (seed %i)",
  (method, seed) => {
    const number = seededNumbers(seed);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(number() * from.length)]!;
    const both = { ...client("user", "secret"), rechallengeInterval: 20_000 };
    const benches = [
      authenticator(method, settings({ rechallengeInterval: 10_000 }), { seed }),
      authenticator(method, both, { seed }),
      authenticatee(method, both, { seed }),
    ];
    const heard: Uint8Array[] = benches.flatMap((bench) => sent(bench.take()));
    heard.push(Uint8Array.of(1, 2, 0, 8, 1, 2, 3, 4), Uint8Array.of(2, 1, 0, 5, 1));
    for (let step = 0; step < steps; step++) {
      const bench = pick(benches);
      const chance = number();
      let outputs: readonly AuthOutput[];
      if (chance < 0.7) outputs = bench.handle(mutant(pick(heard), number));
      else if (chance < 0.85) outputs = bench.judge(pick(judgements));
      else outputs = bench.pass(Math.floor(number() * 2900));
      check(bench, outputs);
      for (const packet of sent(outputs)) {
        if (heard.length < 50) heard.push(packet);
        else heard[Math.floor(number() * heard.length)] = packet;
      }
    }
  },
);
