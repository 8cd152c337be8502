/** Users of the local file judged: every method, as each needs nothing but the password. */
import { beginEap, continueEap, type EapConversation, type EapServerSettings } from "../../ppp/auth/eap-server.js";
import { verifyChapMd5, verifyMschap, verifyMschapv2, verifyPap } from "../../ppp/auth/verify.js";
import type { Judgement, PeerCredentials, RandomBytes } from "../../ppp/types.js";
import type { ChapSecrets, LocalUser } from "./chap-secrets.js";
import { newProfile } from "./profile.js";
import type { Authentication, AuthenticationRequest, Profile } from "./types.js";

/** Judges by the lines for `serverName`. Who is not in the file takes as long as who has a wrong password. */
export function authenticateLocally(
  { userName, credentials, continuation }: AuthenticationRequest,
  secrets: ChapSecrets,
  serverName: string,
  random: RandomBytes,
): Authentication {
  const user = secrets.find(userName, serverName);
  const eap: EapServerSettings = { methods: ["mschapv2", "md5"], name: serverName, random };
  const { judgement, conversation } = judge(credentials, user, conversationOf(continuation), eap);
  if (judgement.verdict === "challenge")
    return { verdict: "challenge", judgement, continuation: { local: conversation } };
  if (judgement.verdict === "reject") return rejected(judgement, user ? "wrong password" : "no such local user");
  if (user === undefined) return rejected({ verdict: "reject" }, "no such local user");
  if (user.address === "none") return rejected({ verdict: "reject" }, "no address is allowed to this local user");
  return { verdict: "accept", judgement, profile: profileOf(user), by: "local" };
}

/** What an EAP conversation that was begun here goes on with. */
const conversationOf = (continuation: unknown): EapConversation | undefined =>
  typeof continuation === "object" && continuation !== null && "local" in continuation
    ? (continuation.local as EapConversation | undefined)
    : undefined;

export const continuesLocally = ({ continuation }: AuthenticationRequest): boolean =>
  conversationOf(continuation) !== undefined;

const rejected = (judgement: Judgement & { verdict: "reject" }, reason: string): Authentication => ({
  verdict: "reject",
  judgement,
  reason,
});

function profileOf({ address }: LocalUser): Profile {
  const profile = newProfile();
  if (typeof address === "object") profile.address = address.fixed;
  return profile;
}

interface Judged {
  readonly judgement: Judgement;
  readonly conversation?: EapConversation | undefined;
}

function judge(
  credentials: PeerCredentials,
  user: LocalUser | undefined,
  conversation: EapConversation | undefined,
  eap: EapServerSettings,
): Judged {
  const password = user?.secret.reveal();
  if (credentials.method === "eap") {
    return conversation ? continueEap(conversation, credentials, password, eap) : beginEap(credentials, eap);
  }
  const tried = password ?? eap.random(16);
  switch (credentials.method) {
    case "pap":
      return judged(verifyPap(credentials, tried));
    case "chap-md5":
      return judged(verifyChapMd5(credentials, tried));
    case "mschap":
      return judged(verifyMschap(credentials, tried));
    case "mschapv2": {
      const response = verifyMschapv2(credentials, tried);
      return judged(response !== undefined, response);
    }
  }
}

const judged = (proven: boolean, message?: string): Judged => ({
  judgement: proven ? { verdict: "accept", message } : { verdict: "reject" },
});
