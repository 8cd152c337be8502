import { describe, expect, test } from "vitest";
import { createRadiusClient } from "../../src/radius/client.js";
import type { RadiusOutput, RadiusServer } from "../../src/radius/types.js";
import { seededNumbers } from "../../src/random.js";
import { parseRadius, radiusCode } from "../../src/wire/radius.js";
import { attributesOf, firstOf } from "../../src/wire/radius-values.js";
import { seeds } from "../seed.js";
import { randomBytes } from "./l2tp-network.js";
import { createFakeServer } from "./radius-server.js";

/** Probabilities that a datagram is lost, is duplicated, or has a bit changed; delays are drawn from 1 to `delay` ms. */
interface Weather {
  readonly loss: number;
  readonly duplication: number;
  readonly corruption: number;
  readonly delay: number;
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

const servers: readonly RadiusServer[] = ["a", "b", "c"].map((name) => ({
  name,
  authentication: `${name}:1812`,
  accounting: `${name}:1813`,
  secret: bytes(`secret of ${name}`),
  timeout: 500,
  tries: 4,
  deadTime: 3000,
}));

/** `count` requests within three seconds at servers of which some are down at times; what came of them. */
function run(seed: number, count: number, weather: Weather) {
  const random = seededNumbers(seed);
  const client = createRadiusClient({ random: randomBytes(random), mostSockets: 4, longestQueue: count });
  client.configure(servers, 0);
  const down = new Set<string>();
  const judge = new Map(
    servers.map(({ name, secret }) => [
      name,
      createFakeServer(secret, ({ code, attributes, password }) => {
        const state = firstOf(attributes, "Acct-Session-Id") ?? "";
        const echo = attributesOf({ Class: bytes(state) });
        if (code === radiusCode.accountingRequest) return { code: radiusCode.accountingResponse, attributes: echo };
        const good = Buffer.from(password ?? []).toString() === `password ${state}`;
        return { code: good ? radiusCode.accessAccept : radiusCode.accessReject, attributes: echo };
      }),
    ]),
  );

  const events: { at: number; act: () => void }[] = [];
  let now = 0;
  const plan = (at: number, act: () => void) => void events.push({ at, act });
  const carry = (datagram: Uint8Array, arrive: (bytes: Uint8Array) => void) => {
    const copies = random() < weather.loss ? 0 : random() < weather.duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const arrived = datagram.slice();
      plan(now + 1 + random() * weather.delay, () => arrive(arrived));
    }
  };

  /** Whose an identifier is, by socket and number. */
  const outstanding = new Map<string, number>();
  const ends = new Map<number, RadiusOutput>();
  const wrong: string[] = [];

  const dispatch = (output: RadiusOutput) => {
    if (output.type === "server-state") return;
    if (output.type !== "send") {
      if (ends.has(output.id)) wrong.push(`request ${output.id} ended twice`);
      ends.set(output.id, output);
      if (output.type === "answer") {
        const of = Buffer.from(firstOf(output.attributes, "Class") ?? []).toString();
        if (of !== String(output.id)) wrong.push(`request ${output.id} got the answer to ${of}`);
        const code = output.id % 3 === 0 ? "accounting-response" : output.id % 3 === 1 ? "accept" : "reject";
        if (output.code !== code) wrong.push(`request ${output.id} got ${output.code}`);
      }
      for (const [key, id] of outstanding) if (id === output.id) outstanding.delete(key);
      return;
    }
    const { socket, remote, bytes: sent } = output;
    const key = `${socket} ${sent[1]}`;
    const packet = parseRadius(sent);
    const id = Number("attributes" in packet && firstOf(packet.attributes, "Acct-Session-Id"));
    const before = outstanding.get(key) ?? id;
    if (before !== id) wrong.push(`identifier ${key} of request ${before} was given to ${id}`);
    outstanding.set(key, id);
    carry(sent, (arrived) => {
      const name = remote.slice(0, 1);
      if (down.has(name)) return;
      const answer = judge.get(name)!(arrived);
      if (answer === undefined) return;
      if (random() < weather.corruption) answer[Math.floor(random() * answer.length)]! ^= 1 << Math.floor(random() * 8);
      carry(answer, (came) => client.handle({ socket, remote, bytes: came }, now));
    });
  };

  for (let id = 0; id < count; id++) {
    plan(random() * 3000, () => {
      const service = id % 3 === 0 ? "accounting" : "authentication";
      const password = service === "accounting" ? undefined : bytes(`password ${id % 3 === 1 ? id : "unknown"}`);
      const delay = service === "accounting" ? { "Acct-Delay-Time": 0 } : {};
      client.request(
        { id, service, password, attributes: attributesOf({ "Acct-Session-Id": `${id}`, ...delay }) },
        now,
      );
    });
  }
  for (const { name } of servers.slice(0, 2))
    for (let at = random() * 2000; at < 10_000; at += 500 + random() * 4000) {
      const goes = random() < 0.5;
      plan(at, () => void (goes ? down.add(name) : down.delete(name)));
    }

  for (let steps = 0; steps < 100 * count; steps++) {
    let next: { at: number; act: () => void } | undefined;
    for (const event of events) if (next === undefined || event.at < next.at) next = event;
    const deadline = client.deadline();
    if (next !== undefined && (deadline === undefined || next.at <= deadline)) {
      events.splice(events.indexOf(next), 1);
      now = Math.max(now, next.at);
      next.act();
    } else if (deadline !== undefined) {
      now = Math.max(now, deadline);
      client.expire(now);
    } else break;
    for (const output of client.take()) dispatch(output);
  }
  return { ends, wrong, client, count };
}

const weathers: readonly (readonly [string, Weather])[] = [
  ["fair", { loss: 0, duplication: 0, corruption: 0, delay: 30 }],
  ["duplicates and late answers", { loss: 0, duplication: 0.5, corruption: 0, delay: 900 }],
  ["a fifth lost", { loss: 0.2, duplication: 0.1, corruption: 0, delay: 100 }],
  ["half lost, some forged", { loss: 0.5, duplication: 0.2, corruption: 0.2, delay: 300 }],
  ["all lost", { loss: 1, duplication: 0, corruption: 0, delay: 1 }],
];

describe.each(weathers)("%s", (_, weather) => {
  test.each(seeds(3))("every request ends once, with its own answer or a failure; seed %i", (seed) => {
    const { ends, wrong, client, count } = run(seed, 600, weather);
    expect(wrong).toEqual([]);
    expect(ends.size).toBe(count);
    expect(client.deadline()).toBeUndefined();
    expect(client.status().map(({ outstanding }) => outstanding)).toEqual([0, 0, 0, 0, 0, 0]);
    const failed = [...ends.values()].filter(({ type }) => type === "failed").length;
    if (weather.loss === 0) expect(failed).toBe(0);
    if (weather.loss === 1) expect(failed).toBe(count);
  });
});
