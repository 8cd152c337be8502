/** Proxy LCP and authentication AVPs (RFC 2661 §4.4.5) as the PPP machines have them, both ways. */
import type { PeerCredentials, ProxyLcp } from "../../ppp/types.js";
import { type AvpValues, proxyAuthen } from "../../wire/l2tp2-avp.js";

/** What the LAC did before it handed the call over; undefined if it says nothing of LCP. */
export function proxyOf(iccn: AvpValues): ProxyLcp | undefined {
  const { lastSentLcpConfreq: lastSent, lastReceivedLcpConfreq: lastReceived } = iccn;
  if (lastSent === undefined || lastReceived === undefined) return undefined;
  return { initialReceived: iccn.initialReceivedLcpConfreq, lastSent, lastReceived, credentials: credentialsOf(iccn) };
}

function credentialsOf(iccn: AvpValues): PeerCredentials | undefined {
  const { proxyAuthenType: type, proxyAuthenName: name, proxyAuthenResponse: response } = iccn;
  if (name === undefined || response === undefined) return undefined;
  if (type === proxyAuthen.pap) return { method: "pap", name, password: response };
  const method = type === proxyAuthen.chap ? "chap-md5" : type === proxyAuthen.mschap ? "mschap" : undefined;
  const { proxyAuthenChallenge: challenge, proxyAuthenId: identifier = 0 } = iccn;
  if (method === undefined || challenge === undefined) return undefined;
  return { method, name, identifier, challenge, response };
}

const types: Partial<Record<PeerCredentials["method"], number>> = {
  pap: proxyAuthen.pap,
  "chap-md5": proxyAuthen.chap,
  mschap: proxyAuthen.mschap,
};

/** The other way: what a LAC says of a link that it has negotiated; what has no type of its own is not passed on. */
export function proxyAvps(proxy: ProxyLcp | undefined): AvpValues {
  if (proxy === undefined) return {};
  const lcp = {
    initialReceivedLcpConfreq: proxy.initialReceived,
    lastSentLcpConfreq: proxy.lastSent,
    lastReceivedLcpConfreq: proxy.lastReceived,
  };
  const { credentials } = proxy;
  const proxyAuthenType = credentials && types[credentials.method];
  if (!credentials || proxyAuthenType === undefined) return { ...lcp, proxyAuthenType: proxyAuthen.none };
  const { name: proxyAuthenName } = credentials;
  if (credentials.method === "pap") {
    return { ...lcp, proxyAuthenType, proxyAuthenName, proxyAuthenId: 0, proxyAuthenResponse: credentials.password };
  }
  if (credentials.method === "eap") return lcp;
  return {
    ...lcp,
    proxyAuthenType,
    proxyAuthenName,
    proxyAuthenId: credentials.identifier,
    proxyAuthenChallenge: credentials.challenge,
    proxyAuthenResponse: credentials.response,
  };
}
