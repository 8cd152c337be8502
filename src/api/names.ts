/** Names of objects as people and programs write them: a tunnel is its local id, a session TUNNEL/SESSION, both local ids. */
import type { CallId } from "../l2tp/types.js";

export const sessionName = (call: CallId): string => `${Math.floor(call / 0x1_0000)}/${call % 0x1_0000}`;

/** Reads TUNNEL/SESSION, or a call number (`tunnel id << 16 | session id`). Undefined: neither. */
export function parseSessionName(text: string): CallId | undefined {
  const match = /^(\d{1,5})\/(\d{1,5})$/.exec(text);
  if (match === null) {
    const call = /^\d{1,10}$/.test(text) ? Number(text) : 0;
    return call > 0xffff && call <= 0xffff_ffff ? call : undefined;
  }
  const [tunnel, session] = [Number(match[1]), Number(match[2])];
  return isId(tunnel) && isId(session) ? tunnel * 0x1_0000 + session : undefined;
}

const isId = (id: number): boolean => id >= 1 && id <= 0xffff;
