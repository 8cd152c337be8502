/** Authentication, both ways (RFC 1334, 1994, 2433, 2759, 3748): one machine for each method and role. */
import { chapAuthenticatee } from "./chap-authenticatee.js";
import { chapAuthenticator } from "./chap-authenticator.js";
import { chapVariants } from "./chap-variants.js";
import { eapAuthenticatee } from "./eap-authenticatee.js";
import { eapAuthenticator } from "./eap-authenticator.js";
import { papAuthenticatee } from "./pap-authenticatee.js";
import { papAuthenticator } from "./pap-authenticator.js";
import type { Authenticatees, Authenticators } from "./types.js";

export type { ChapCredentials, EapCredentials, PapCredentials } from "./credentials.js";
export * from "./eap-server.js";
export * from "./types.js";
export * from "./verify.js";

export const authenticators: Authenticators = {
  pap: papAuthenticator,
  "chap-md5": chapAuthenticator(chapVariants["chap-md5"]),
  mschap: chapAuthenticator(chapVariants.mschap),
  mschapv2: chapAuthenticator(chapVariants.mschapv2),
  eap: eapAuthenticator,
};

export const authenticatees: Authenticatees = {
  pap: papAuthenticatee,
  "chap-md5": chapAuthenticatee(chapVariants["chap-md5"]),
  mschap: chapAuthenticatee(chapVariants.mschap),
  mschapv2: chapAuthenticatee(chapVariants.mschapv2),
  eap: eapAuthenticatee,
};
