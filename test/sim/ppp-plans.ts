/** Option sets of both roles, and what RFC 1661 makes of a pair of them, written down apart from the code under test. */
import type { AuthProtocol, LcpAgreement, LinkSettings } from "../../src/ppp/index.js";
import { createEnd, type End, type EndOptions, settingsOf, utf8 } from "./ppp-end.js";

const password = utf8("secret");
const allowing = (...allow: readonly AuthProtocol[]): NonNullable<LinkSettings["credentials"]> => ({ password, allow });
const bundle = (mrru: number, shortSequence: boolean): NonNullable<LinkSettings["multilink"]> => ({
  mrru,
  shortSequence,
  discriminator: { class: 1, address: utf8(`bundle ${mrru}`) },
});

export const optionSets: Readonly<Record<string, Partial<LinkSettings>>> = {
  plain: {},
  "default mru": { mru: 1500 },
  bare: {
    mru: 1500,
    magicNumber: false,
    protocolFieldCompression: false,
    addressAndControlFieldCompression: false,
  },
  passive: { passive: true },
  "wants pap": { authenticate: ["pap"] },
  "wants chap": { authenticate: ["chap-md5"] },
  "wants chap or pap": { authenticate: ["chap-md5", "pap"] },
  "wants mschap, chap or pap": { authenticate: ["mschap", "chap-md5", "pap"] },
  "can pap": { credentials: allowing("pap") },
  "can chap": { credentials: allowing("chap-md5") },
  "can pap and chap": { credentials: allowing("pap", "chap-md5") },
  "both ways": { authenticate: ["chap-md5"], credentials: allowing("chap-md5") },
  multilink: { multilink: bundle(1600, false) },
  "multilink, short": { multilink: bundle(1500, true) },
};

/** How the asker and the asked come to a protocol: §6.2, with the asked naming its best in each Nak. */
function chosen(wants: readonly AuthProtocol[], can: readonly AuthProtocol[]): AuthProtocol | "none" | "refused" {
  const [best] = can;
  let choice = wants[0];
  if (choice === undefined) return "none";
  while (choice !== undefined && !can.includes(choice)) {
    if (best === undefined) return "refused";
    choice = wants.includes(best) ? best : wants[wants.indexOf(choice) + 1];
  }
  return choice ?? "refused";
}

export type Expected = "no-agreement" | { readonly a: LcpAgreement["local"]; readonly b: LcpAgreement["local"] };

/** What each side may be sent, without its magic number; or that there is no link. */
export function expected(a: Partial<LinkSettings>, b: Partial<LinkSettings>): Expected {
  const sides = [settingsOf(a), settingsOf(b)] as const;
  const authentication = ([0, 1] as const).map((side) =>
    chosen(sides[side].authenticate, sides[1 - side]!.credentials?.allow ?? []),
  );
  if (authentication.includes("refused")) return "no-agreement";
  const of = (side: 0 | 1): LcpAgreement["local"] => {
    const own = sides[side];
    const other = sides[side === 0 ? 1 : 0];
    const bundled = own.multilink && other.multilink ? own.multilink : undefined;
    const method = authentication[side];
    return {
      mru: own.mru,
      magicNumber: 0,
      accm: undefined,
      protocolFieldCompression: own.protocolFieldCompression && other.protocolFieldCompression,
      addressAndControlFieldCompression:
        own.addressAndControlFieldCompression && other.addressAndControlFieldCompression,
      authentication: method === "none" || method === "refused" ? undefined : method,
      mrru: bundled?.mrru,
      shortSequence: (bundled?.shortSequence && other.multilink?.shortSequence) ?? false,
      discriminator: bundled?.discriminator,
    };
  };
  return { a: of(0), b: of(1) };
}

export const withoutMagic = (options: LcpAgreement["local"]): LcpAgreement["local"] => ({ ...options, magicNumber: 0 });

/** An access server and a client that dials in, as most links are. */
export const server = (seed: number, some: Partial<EndOptions> = {}): End =>
  createEnd({
    seed,
    judge: () => ({ verdict: "accept", message: "welcome" }),
    addresses: {
      ipv4: { local: "10.0.0.1", peer: "10.0.0.2", dns: ["192.0.2.53", "192.0.2.54"], nbns: [] },
      ipv6: { localInterfaceId: "0000000000000001", peerInterfaceId: "0000000000000002" },
    },
    ...some,
    link: { name: "lns", authenticate: ["chap-md5", "pap"], echoInterval: 10_000, ...some.link },
  });

export const client = (seed: number, some: Partial<EndOptions> = {}): End =>
  createEnd({
    seed,
    network: { client: true, ...some.network },
    addresses: {
      ipv4: { local: "0.0.0.0", peer: "0.0.0.0", dns: [], nbns: [] },
      ipv6: { localInterfaceId: "0000000000000001", peerInterfaceId: undefined },
    },
    ...some,
    link: { name: "joe", credentials: allowing("pap", "chap-md5"), echoInterval: 10_000, ...some.link },
  });
