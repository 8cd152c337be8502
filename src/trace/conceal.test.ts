import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeMessage } from "../wire/l2tp2-encode.js";
import { encodePap, papCode } from "../wire/pap.js";
import { encodeFrame, pppProtocol } from "../wire/ppp.js";
import { concealL2tp, concealPpp } from "./conceal.js";

const password = Buffer.from("a secret of mine");
const holds = (bytes: Uint8Array): boolean => Buffer.from(bytes).includes(password);

test("the password of a PAP request", () => {
  const pap = encodePap({ code: papCode.request, identifier: 1, name: "user", password });
  for (const frame of [encodeFrame(pppProtocol.pap, pap), encodeFrame(pppProtocol.pap, pap).subarray(2)]) {
    const shown = concealPpp(frame);
    expect([holds(frame), holds(shown)]).toEqual([true, false]);
    expect(Buffer.from(shown).includes("user")).toBe(true);
    expect(shown).toHaveLength(frame.length);
  }
});

test("the password of a request that is cut, or says that it is longer than it is", () => {
  const pap = encodePap({ code: papCode.request, identifier: 1, name: "user", password });
  pap[3] = 3;
  expect(holds(concealPpp(encodeFrame(pppProtocol.pap, pap)))).toBe(false);
  expect(concealPpp(Uint8Array.of(0xc0, 0x23, 1))).toEqual(Uint8Array.of(0xc0, 0x23, 1));
});

test("the response that a LAC heard", () => {
  const message = encodeMessage("ICCN", 1, 2, {
    txConnectSpeed: 1,
    framingType: 1,
    proxyAuthenName: "user",
    proxyAuthenResponse: password,
    rxConnectSpeed: 7,
  });
  const shown = concealL2tp(message);
  expect([holds(message), holds(shown)]).toEqual([true, false]);
  expect(shown).toHaveLength(message.length);
  expect(Buffer.from(shown).includes("user")).toBe(true);
});

test("everything else stays as it is, whatever it is", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      expect(concealPpp(bytes)).toHaveLength(bytes.length);
      expect(concealL2tp(bytes)).toHaveLength(bytes.length);
    }),
    { numRuns: 2000 },
  );
  const lcp = encodeFrame(pppProtocol.lcp, Uint8Array.of(1, 1, 0, 4));
  expect(concealPpp(lcp)).toBe(lcp);
});
