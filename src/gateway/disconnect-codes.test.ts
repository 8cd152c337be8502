import { expect, it } from "vitest";
import type { Ended, Result } from "../l2tp/types.js";
import { relayEnd } from "./disconnect-codes.js";

const cause = { code: 16, message: 69, advisory: "bye" };

it.each<[string, Ended, boolean, Result]>([
  [
    "a CDN is passed on to the letter",
    { by: "peer", result: 2, error: 6, message: "no", cause },
    false,
    { result: 2, error: 6, message: "no", cause },
  ],
  [
    "so is our own",
    { by: "local", result: 3, message: "administratively disconnected" },
    false,
    { result: 3, message: "administratively disconnected" },
  ],
  [
    "a StopCCN's code is not a CDN's",
    { by: "peer", result: 6 },
    true,
    { result: 1, message: "the other side was lost" },
  ],
  [
    "a peer that fell silent is a lost carrier",
    { by: "timeout", result: 1 },
    true,
    { result: 1, message: "the other side was lost" },
  ],
  [
    "a call that was not set up in time, too",
    { by: "timeout", result: 10 },
    false,
    { result: 1, message: "the other side was lost" },
  ],
  [
    "a peer that restarted, too",
    { by: "peer-restarted", result: 1 },
    true,
    { result: 1, message: "the other side was lost" },
  ],
  [
    "a tunnel that we cleared is an administrative end",
    { by: "local", result: 1 },
    true,
    { result: 3, message: "administratively disconnected" },
  ],
])("%s", (_, ended, withTunnel, result) => {
  expect(relayEnd(ended, withTunnel)).toEqual(result);
});
