/** What AAA is told by the configuration. Times in milliseconds; addresses as ADDRESS:PORT. */
import type { Secret } from "../config/secret.js";
import type { Rates } from "./types.js";

export interface AaaServer {
  readonly name: string;
  readonly authentication: string | undefined;
  readonly accounting: string | undefined;
  readonly secret: Secret;
  readonly timeout: number;
  readonly tries: number;
  readonly deadTime: number;
  /** As a `RadiusServer` has them. */
  readonly requireMessageAuthenticator?: boolean;
  readonly statusServer?: boolean;
}

export interface AaaConfig {
  /** Best first. */
  readonly radius: readonly AaaServer[];
  readonly dynamic:
    | { readonly listen: string; readonly clients: readonly { readonly address: string; readonly secret: Secret }[] }
    | undefined;
  /** The file of local users in pppd's chap-secrets format, as it was read. */
  readonly local: { readonly file: string; readonly text: string } | undefined;
  /** Whether local users are looked up when no RADIUS server answers; without RADIUS servers they always are. */
  readonly fallback: "none" | "local";
  /** The server column of chap-secrets that is ours. */
  readonly serverName: string;
  readonly nasIdentifier: string;
  readonly nasAddress: string | undefined;
  /** 0: none. */
  readonly interimInterval: number;
  readonly accounting: boolean;
  /** Directory; undefined: records are kept in memory alone. */
  readonly store: string | undefined;
  /** What a Filter-Id names. */
  readonly filters: Readonly<Record<string, Rates>>;
}
