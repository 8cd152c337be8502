/** Who calls, and may he: AAA is asked, and the policy's own rules are applied to what it says. */
import type { PeerCredentials } from "../../ppp/types.js";
import type { Authentication } from "../aaa/types.js";
import type { Core } from "../core.js";
import { realmOf } from "../policy.js";
import { forwardByProfile } from "./forwarded.js";
import type { Identity, Member, Plan, Subscriber } from "./records.js";
import { bundleOf, hangUp } from "./subscriber.js";

type Accept = Extract<Authentication, { verdict: "accept" }>;

/** One question at a time for each link: what a subscriber repeats meanwhile is not asked again. */
export function ask(core: Core, member: Member, credentials: PeerCredentials): void {
  const { aaa } = core.termination;
  if (aaa === undefined) return;
  if (member.asking) {
    if (member.stale) member.waiting = credentials;
    return;
  }
  member.asking = true;
  const userName = nameOf(member, credentials.name);
  member.leg.names.userName = userName;
  // Whoever asks is gone when we stop, and servers that are silent are not waited for.
  core.watch(
    aaa
      .authenticate({ caller: member.caller, userName, credentials, continuation: member.continuation })
      .then((answer) => answered(core, member, userName, answer)),
  );
}

/** The authentication phase begins, perhaps not for the first time: what was said in an earlier one does not count in this. */
export function beginAnew(member: Member): void {
  member.continuation = undefined;
  member.stale = member.asking;
  member.waiting = undefined;
}

/** An answer is there: whether it is to the question of now. If not, what the peer has shown since is asked. */
function isCurrent(core: Core, member: Member): boolean {
  const { stale, waiting, leg, link } = member;
  member.asking = false;
  member.stale = false;
  member.waiting = undefined;
  if (leg.ended || leg.member !== member) return false;
  const { phase } = link.status();
  if (!stale && (phase === "authenticate" || phase === "network")) return true;
  core.counts.add("logins-begun-anew");
  if (waiting) ask(core, member, waiting);
  return false;
}

function nameOf({ plan }: Member, name: string): string {
  const realm = plan.config.realm === "strip" ? realmOf(name) : undefined;
  return realm === undefined ? name : name.slice(0, -(realm.length + 1));
}

function answered(core: Core, member: Member, asked: string, answer: Authentication): void {
  if (!isCurrent(core, member)) return;
  member.continuation = answer.verdict === "challenge" ? answer.continuation : undefined;
  if (answer.verdict === "reject") {
    core.counts.add("logins-rejected");
    core.log.info({ call: member.leg.call, user: asked, reason: answer.reason }, "login rejected");
    member.link.judge(answer.judgement, core.now());
  } else if (answer.verdict === "challenge") member.link.judge(answer.judgement, core.now());
  else
    accepted(core, member, answer, {
      userName: answer.profile.userName ?? asked,
      profile: answer.profile,
      by: answer.by,
    });
  core.termination.settle(member);
}

function accepted(core: Core, member: Member, answer: Accept, identity: Identity): void {
  const { judgement, profile } = answer;
  if (profile.tunnels.length > 0 && member.leg.setup) {
    forwardByProfile(core, member, profile.tunnels, identity.userName);
    return;
  }
  const { subscriber } = member;
  const others = subscriber === undefined ? othersOf(core, member, identity) : [];
  if (others.length > 0 && member.plan.config.duplicateLogin === "replace") {
    core.track(replace(core, member, others, answer, identity));
    return;
  }
  const changed = subscriber !== undefined && subscriber.identity.userName !== identity.userName;
  const refusal = changed ? "another user than before" : refusalFor(member.plan, others.length);
  if (refusal !== undefined) {
    core.counts.add("logins-refused-limit");
    core.log.info({ call: member.leg.call, user: identity.userName, refusal }, "login refused");
    member.link.judge({ verdict: "reject", message: refusal }, core.now());
    return;
  }
  core.counts.add("logins-accepted");
  member.identity = identity;
  member.leg.names.userName = identity.userName;
  member.link.judge(judgement, core.now());
}

/** The user's other sessions, where it matters. A link that joins a bundle is not another. */
function othersOf(core: Core, member: Member, identity: Identity): readonly Subscriber[] {
  const { duplicateLogin, maxSessionsPerUser } = member.plan.config;
  if (duplicateLogin === "allow" && maxSessionsPerUser === Number.POSITIVE_INFINITY) return [];
  const { directory } = core.termination;
  const bundle = bundleOf(member, identity);
  const joins = bundle !== undefined && directory.bundle(bundle) !== undefined;
  return joins ? [] : directory.ofUser(identity.userName);
}

function refusalFor({ config: { duplicateLogin, maxSessionsPerUser } }: Plan, others: number): string | undefined {
  if (others === 0) return undefined;
  if (duplicateLogin === "reject") return "already logged in";
  return others >= maxSessionsPerUser ? "too many sessions" : undefined;
}

/** The answer waits until the addresses of the others are free, one of which may be this one's. */
async function replace(
  core: Core,
  member: Member,
  others: readonly Subscriber[],
  answer: Accept,
  identity: Identity,
): Promise<void> {
  member.asking = true;
  for (const other of others) hangUp(core, other, "port-preempted", "logged in elsewhere");
  await Promise.all(others.map(({ work }) => work));
  if (!isCurrent(core, member)) return;
  accepted(core, member, answer, identity);
  core.termination.settle(member);
}
