/** Accounting as it is kept in the store: text, so that it can be looked at, and outlives versions of this program. */
import type { AccountingEvent } from "./accounting-attributes.js";
import type { Accounted, Usage } from "./types.js";

/** Bytes become base64. */
interface Stored extends Omit<AccountingEvent, "session"> {
  readonly session: Omit<Accounted, "class"> & { readonly class: readonly string[] };
}

export const encodeRecord = ({ session, ...event }: AccountingEvent): string =>
  JSON.stringify({
    ...event,
    session: { ...session, class: session.class.map((each) => Buffer.from(each).toString("base64")) },
  } satisfies Stored);

/** Undefined: it is none, of another version or damaged. */
export function decodeRecord(text: string): AccountingEvent | undefined {
  try {
    const { session, ...event } = JSON.parse(text) as Stored;
    if (typeof session.caller.session !== "string" || !Number.isFinite(event.at)) return undefined;
    const classes = session.class.map((each) => new Uint8Array(Buffer.from(each, "base64")));
    return { ...event, session: { ...session, class: classes } };
  } catch {
    return undefined;
  }
}

export const noUsage: Usage = { inBytes: 0, outBytes: 0, inPackets: 0, outPackets: 0 };
