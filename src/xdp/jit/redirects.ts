/** bpf_redirect and bpf_redirect_map in place, as `helpers/redirect.ts` has them. */
import { helperById } from "../helpers/table.js";
import { pushAddress } from "../maps/placed.js";
import { action, state as field, redirectKind } from "../run/state.js";
import type { CallFacts } from "../verifier/result.js";
import type { Scope } from "./context.js";

const zero =
  ({ f }: Scope) =>
  () =>
    void f.i32Const(0);

/** Writes where a redirect goes: kind and map are known. */
function writeNote({ f, state }: Scope, kind: number, record: () => void, key: () => void): void {
  f.get(state).i32Const(kind).i32Store(field.redirect);
  f.get(state);
  record();
  f.i32Store(field.redirectMap);
  f.get(state);
  key();
  f.i32Store(field.redirectKey);
  f.get(state).i32Const(0).i32Store(field.redirectFlags);
}

/** long bpf_redirect(u32 ifindex, u64 flags): no flag is known. */
export function writeRedirect(scope: Scope): boolean {
  const { f, registers } = scope;
  const r0 = registers[0]!;
  f.i64Const(action.aborted).set(r0);
  f.get(registers[2]!).i64Eqz().if();
  writeNote(scope, redirectKind.ifindex, zero(scope), () => void f.get(registers[1]!).i32WrapI64());
  f.i64Const(action.redirect).set(r0).end();
  return true;
}

/** Maps with the host's number of each entry in an array of words. */
const kinds: Readonly<Record<string, number>> = {
  devmap: redirectKind.devmap,
  cpumap: redirectKind.cpumap,
  xskmap: redirectKind.xskmap,
};
const answerFlags = 3;

/** long bpf_redirect_map(map, u64 key, u64 flags): to one entry of a map that is known. Flags but those of the answer are the host's. */
export function writeRedirectMap(scope: Scope, facts: CallFacts | undefined): boolean {
  const { f, registers, state, counter } = scope;
  const binding = scope.bindings[facts?.map ?? -1];
  const kind = kinds[binding?.spec.type ?? ""];
  if (binding === undefined || kind === undefined || binding.numbers === undefined) return false;
  const helper = scope.host("helper_51", 1 + 3 + (helperById(51)?.wide?.length ?? 0));
  const [r0, key, flags] = [registers[0]!, registers[2]!, registers[3]!];
  f.get(flags).i64Const(answerFlags).i64GtU().if();
  pushAddress(f.get(state), binding, binding.record).get(key).i32WrapI64();
  f.get(flags).i32WrapI64().get(flags).i64Const(32).i64ShrU().i32WrapI64().call(helper).i64ExtendI32S().set(r0);
  f.else();
  const done = f.block();
  const missing = f.block();
  f.get(key).i32WrapI64().tee(counter).i32Const(binding.spec.maxEntries).i32GeU().brIf(missing);
  pushAddress(f.get(counter).i32Const(2).i32Shl(), binding, binding.numbers).i32Add().i32Load().i32Eqz().brIf(missing);
  writeNote(
    scope,
    kind,
    () => void pushAddress(f, binding, binding.record),
    () => void f.get(counter),
  );
  f.i64Const(action.redirect).set(r0).br(done);
  f.end();
  writeNote(scope, redirectKind.none, zero(scope), zero(scope));
  f.get(flags).set(r0);
  f.end().end();
  return true;
}
