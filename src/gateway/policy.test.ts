import { expect, it } from "vitest";
import { parseConfig } from "./config.js";
import { type CallFacts, compilePolicy, realmOf } from "./policy.js";

const policy = compilePolicy(
  parseConfig(`
access: [{ name: west, l2tp: { listen: 192.0.2.1 } }]
policy:
  - { name: blocked, match: { calling-number: ["0900*", "0190*"] }, reject: {} }
  - { name: wholesale, match: { realm: WHOLESALE.example }, accept: {} }
  - { name: both, match: { called-number: 55*, user-name: "a*" }, accept: {} }
  - { name: lac, match: { peer-host-name: "lac?.example" }, accept: {} }
  - { name: near, match: { peer: [10.0.0.0/8, "2001:db8::/32"] }, accept: {} }
  - { name: west, match: { access: west, sub-address: "7" }, accept: {} }
`).config.policy,
);

const nothing: CallFacts = {
  callingNumber: undefined,
  calledNumber: undefined,
  subAddress: undefined,
  userName: undefined,
  peerHostName: "lac",
  access: "west",
  peer: "192.0.2.9:1701",
};

it.each<[Partial<CallFacts>, string | undefined]>([
  [{}, undefined],
  [{ callingNumber: "09001" }, "blocked"],
  [{ callingNumber: "01901", userName: "u@wholesale.example" }, "blocked"],
  [{ userName: "u@wholesale.example" }, "wholesale"],
  [{ userName: "u@x@Wholesale.EXAMPLE" }, "wholesale"],
  [{ userName: "wholesale.example" }, undefined],
  [{ userName: "anna", calledNumber: "5512" }, "both"],
  [{ userName: "Anna", calledNumber: "5512" }, undefined],
  [{ calledNumber: "5512" }, undefined],
  [{ peerHostName: "LAC1.example" }, "lac"],
  [{ peer: "10.9.8.7:1701" }, "near"],
  [{ peer: "[2001:db8::9]:1701" }, "near"],
  [{ peer: "[2001:db9::9]:1701" }, undefined],
  [{ subAddress: "7" }, "west"],
  [{ subAddress: "7", access: "east" }, undefined],
])("%o: %s", (facts, rule) => {
  expect(policy({ ...nothing, ...facts })?.name).toBe(rule);
});

it("takes the realm from the last @", () => {
  expect(realmOf("a@b@c")).toBe("c");
  expect(realmOf("a@")).toBe("");
  expect(realmOf("a")).toBeUndefined();
  expect(realmOf(undefined)).toBeUndefined();
});
