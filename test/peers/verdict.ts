import { expect } from "vitest";
import { controlMessages, explain } from "./tshark.js";

/** Message types (RFC 2661 §3.2). */
export const messageType = {
  SCCRQ: 1,
  SCCRP: 2,
  SCCCN: 3,
  StopCCN: 4,
  HELLO: 6,
  ICRQ: 10,
  ICRP: 11,
  ICCN: 12,
  CDN: 14,
} as const;

/**
 * Holds every control message from `source` in the captures against tshark, and expects each message type in `sent` among
 * them. Gives how many AVPs were hidden.
 */
export async function expectNoComplaint(
  captures: readonly {
    readonly file: string;
    readonly source: string;
    readonly sent: readonly (keyof typeof messageType)[];
  }[],
): Promise<number> {
  let hidden = 0;
  for (const { file, source, sent } of captures) {
    const own = (await controlMessages(file)).filter((message) => message.source === source);
    const bad = own.find(({ complaints }) => complaints.length > 0);
    if (bad !== undefined) throw new Error(`tshark: ${bad.complaints.join("; ")}\n${await explain(file, bad.frame)}`);
    const types = new Set(own.map((message) => message.messageType));
    expect(sent.filter((name) => !types.has(messageType[name]))).toEqual([]);
    hidden += own.reduce((sum, message) => sum + message.hidden, 0);
  }
  return hidden;
}
