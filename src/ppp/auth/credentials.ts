/** What passes for proof, by method. */
import type { LinkSettings, PeerCredentials } from "../types.js";

export type PapCredentials = Extract<PeerCredentials, { method: "pap" }>;
export type ChapCredentials = Extract<PeerCredentials, { challenge: Uint8Array }>;
export type EapCredentials = Extract<PeerCredentials, { method: "eap" }>;

/** The password we authenticate with. A link does not start a method without one. */
export const passwordOf = ({ credentials }: LinkSettings): Uint8Array => credentials?.password ?? new Uint8Array();
