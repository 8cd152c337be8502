/** The answer to a peer's Configure-Request (RFC 1661 §5): what is rejected first, then what is not as it should be, or all is well. */
import { controlCode } from "../wire/ppp-control.js";
import { controlData, putControl } from "./ppp-frames.js";

/** What is thought of an option. Bytes that a Nak suggests instead are written by the judge itself. */
export const opinion = { fine: 0, rejected: 1, other: 2 } as const;
export type Opinion = (typeof opinion)[keyof typeof opinion];

/**
 * `judge` is given an option's type, where its value lies and how long it is. If it is of another opinion, it writes the whole
 * option that it would have at `into` and answers `opinion.other` plus its length.
 */
export type Judge = (type: number, at: number, length: number, into: number) => number;

/**
 * Writes the answer to the options from `at` to `end` as a whole frame at `into`. Answers its length, or 0 where the options
 * are malformed. The code of the answer then lies at `into + 4`.
 */
export function answerRequest(
  u8: Uint8Array,
  at: number,
  end: number,
  protocol: number,
  identifier: number,
  into: number,
  judge: Judge,
): number {
  let rejected = 0;
  let other = 0;
  const data = into + controlData;
  for (let option = at; option < end; ) {
    const length = u8[option + 1] ?? 0;
    if (option + 2 > end || length < 2 || option + length > end) return 0;
    const thought = judge(u8[option]!, option + 2, length - 2, data + (rejected > 0 ? rejected : other));
    if (thought === opinion.rejected) {
      if (rejected === 0) other = 0;
      u8.copyWithin(data + rejected, option, option + length);
      rejected += length;
    } else if (thought >= opinion.other && rejected === 0) {
      other += thought - opinion.other;
    }
    option += length;
  }
  if (rejected > 0) return putControl(u8, into, protocol, controlCode.configureReject, identifier, rejected);
  if (other > 0) return putControl(u8, into, protocol, controlCode.configureNak, identifier, other);
  u8.copyWithin(data, at, end);
  return putControl(u8, into, protocol, controlCode.configureAck, identifier, end - at);
}
