/** Statements that reach the packet, the context and maps, and call helpers. */
import {
  afterCall,
  aluImm,
  aluReg,
  type Code,
  call,
  exit,
  fork,
  initialize,
  isInitialized,
  join,
  jump,
  jumpImm,
  jumpReg,
  load,
  loadMap,
  loadSigned,
  movImm,
  movReg,
  type Size,
  type State,
  sizeBytes,
  store,
  storeImm,
} from "./code.js";
import { generatedMaps, indexOfMap, keyedMaps } from "./maps.js";
import { land, narrow } from "./narrow.js";
import type { Draw } from "./random.js";
import { atomicAt, freeRegister, type Statement, scalar, sizes } from "./statements.js";

const context = 6;
const packet = 7;
/** Fields of struct xdp_md. */
const field = { data: 0, end: 4, meta: 8, ifindex: 12, queue: 16 } as const;

/** One load or store of `size` at base + offset. */
export function access(draw: Draw, state: State, base: number, offset: number, size: Size): Code[] {
  const code: Code[] = [];
  if (draw.chance(50)) {
    const candidates = [0, 1, 2, 3, 4, 5, 8, 9].filter((reg) => reg !== base && !state.reserved.has(reg));
    const dst = draw.pick(candidates);
    state.scalars.add(dst);
    return [size !== "dw" && draw.chance(25) ? loadSigned(size, dst, base, offset) : load(size, dst, base, offset)];
  }
  if (draw.chance(30)) return [storeImm(size, base, offset, draw.immediate())];
  const known = [...state.scalars].filter((reg) => reg !== base);
  if (known.length === 0) return [storeImm(size, base, offset, draw.immediate())];
  code.push(store(size, base, offset, draw.pick(known)));
  return code;
}

const packetAccess: Statement = (draw, state) => {
  const range = state.packet ?? 0;
  const size = draw.pick(sizes);
  const bytes = sizeBytes[size];
  if (range < bytes) return [];
  return access(draw, state, packet, draw.below(range - bytes + 1), size);
};

/** The ways to ask whether `pointer` is beyond `end`; each skips `by` slots if so. */
function beyond(draw: Draw, pointer: number, end: number, by: number): Code[] {
  switch (draw.below(4)) {
    case 0:
      return [jumpReg("jgt", pointer, end, by)];
    case 1:
      return [jumpReg("jlt", end, pointer, by)];
    case 2:
      return [jumpReg("jle", pointer, end, 1), jump(by)];
    default:
      return [jumpReg("jge", end, pointer, 1), jump(by)];
  }
}

/** Loads the packet's pointers anew and checks that `range` bytes are there; leaves the program where they are not. */
export function checkPacket(draw: Draw, state: State, range: number): Code[] {
  const [end, probe] = [2, 3];
  const leave = [movImm(0, draw.below(5)), exit()];
  const code = [
    load("w", packet, context, field.data),
    load("w", end, context, field.end),
    movReg(probe, packet),
    aluImm("add", probe, range),
    ...(draw.chance(50)
      ? [jumpReg("jle", probe, end, leave.length), ...leave]
      : [jumpReg("jge", end, probe, leave.length), ...leave]),
  ];
  for (const reg of [end, probe, packet]) state.scalars.delete(reg);
  state.packet = range;
  return code;
}

/** Access at an offset that is not known, checked beforehand. */
const packetAtVariable: Statement = (draw, state) => {
  if (state.packet === undefined) return [];
  const code: Code[] = [];
  const source = scalar(draw, state, code);
  const inner = fork(state);
  const [at, probe, end] = [1, 2, 3];
  for (const reg of [at, probe, end]) {
    if (state.reserved.has(reg)) return [];
    inner.scalars.delete(reg);
    inner.reserved.add(reg);
  }
  const size = draw.pick(sizes);
  const offset = draw.below(8);
  code.push(movReg(at, source), aluImm("and", at, draw.pick([7, 15, 31, 63, 63, 127, 255, 0x3ff, 0x7fff, 0xffff])));
  if (draw.chance(30)) code.push(aluImm("add", at, draw.below(16)));
  code.push(aluReg("add", at, packet), movReg(probe, at), aluImm("add", probe, offset + sizeBytes[size]));
  code.push(load("w", end, context, field.end));
  const body = access(draw, inner, at, offset, size);
  const check = beyond(draw, probe, end, body.length);
  for (const reg of [at, probe, end]) state.scalars.delete(reg);
  const outer = fork(state);
  for (const reg of [at, probe, end]) inner.scalars.delete(reg);
  join(state, [inner, outer]);
  return [...code, ...check, ...body];
};

const contextLoad: Statement = (draw, state) => {
  if (state.packet === undefined) return [];
  const dst = freeRegister(draw, state);
  state.scalars.add(dst);
  return [load("w", dst, context, draw.pick([field.ifindex, field.queue]))];
};

/** The packet's length, as a difference of pointers. */
const packetLength: Statement = (_draw, state) => {
  if (state.packet === undefined || state.reserved.has(4) || state.reserved.has(5)) return [];
  state.scalars.delete(5);
  state.scalars.add(4);
  return [load("w", 4, context, field.end), load("w", 5, context, field.data), aluReg("sub", 4, 5)];
};

export const keyAt = -72;
export const valueAt = -104;

/** Fills the key buffer on the stack, mostly with what is likely to be there. */
export function putKey(draw: Draw, state: State, map: (typeof generatedMaps)[number]): Code[] {
  const code: Code[] = [];
  const known = [...state.scalars];
  const first: Code =
    known.length > 0 && draw.chance(15)
      ? store("w", 10, keyAt, draw.pick(known))
      : storeImm("w", 10, keyAt, map.type === "lpm_trie" ? draw.between(0, 36) : draw.below(6));
  code.push(first);
  if (map.keySize > 4) code.push(storeImm("w", 10, keyAt + 4, draw.pick([0, 0, 1, 0x0a00_0001, draw.word() | 0])));
  initialize(state, keyAt, map.keySize > 4 ? 8 : 4);
  return code;
}

export function putValue(draw: Draw, state: State, bytes: number): Code[] {
  const code: Code[] = [];
  for (let at = 0; at < bytes; at += 8) {
    const known = [...state.scalars];
    if (known.length > 0 && draw.chance(50)) code.push(store("dw", 10, valueAt + at, draw.pick(known)));
    else code.push(storeImm("dw", 10, valueAt + at, draw.immediate()));
    initialize(state, valueAt + at, 8);
  }
  return code;
}

export const callsAllowed = (state: State): boolean => [1, 2, 3, 4, 5, 0].every((reg) => !state.reserved.has(reg));

const mapLookup: Statement = (draw, state) => {
  if (!callsAllowed(state)) return [];
  const index = draw.pick(keyedMaps);
  const map = generatedMaps[index]!;
  const code = [...putKey(draw, state, map), ...loadMap(1, index), movReg(2, 10), aluImm("add", 2, keyAt), call(1)];
  afterCall(state, false);
  const inner = fork(state);
  const base = draw.chance(50) || inner.reserved.has(8) ? 0 : 8;
  inner.reserved.add(base);
  inner.scalars.delete(base);
  const body: Code[] = base === 0 ? [] : [movReg(base, 0)];
  for (let count = draw.between(1, 4); count > 0; count--) body.push(...valueAccess(draw, inner, base, map.valueSize));
  // The pointer is no number: gone afterwards.
  inner.scalars.delete(base);
  const outer = fork(state);
  outer.scalars.delete(base);
  inner.reserved.delete(base);
  join(state, [inner, outer]);
  state.scalars.delete(0);
  // Both ways leave something in r0.
  const tail = draw.chance(50) ? [movImm(0, draw.immediate())] : [];
  if (tail.length > 0) state.scalars.add(0);
  if (base === 8) {
    tail.push(movImm(8, draw.immediate()));
    state.scalars.add(8);
  }
  const check = draw.chance(70) ? [jumpImm("jeq", 0, 0, body.length)] : [jumpImm("jne", 0, 0, 1), jump(body.length)];
  return [...code, ...check, ...body, ...tail];
};

export function valueAccess(draw: Draw, state: State, base: number, valueSize: number): Code[] {
  if (draw.chance(25)) {
    const size = draw.pick(["w", "dw"] as const);
    const places = Math.floor(valueSize / sizeBytes[size]);
    return atomicAt(draw, state, base, draw.below(places) * sizeBytes[size], size);
  }
  const size = draw.pick(sizes);
  const bytes = sizeBytes[size];
  if (draw.chance(25)) {
    // At an offset that is bounded by a mask, or by a comparison.
    const known = [...state.scalars].filter((reg) => reg !== base);
    const pointer = [1, 2, 3, 4, 5].filter((reg) => !state.reserved.has(reg));
    if (known.length === 0 || pointer.length === 0) return [];
    const at = draw.pick(pointer);
    const source = draw.pick(known);
    const room = valueSize - bytes;
    const mask = room >= 15 ? 15 : room >= 7 ? 7 : room >= 3 ? 3 : 0;
    state.scalars.delete(at);
    const inner = fork(state);
    inner.reserved.add(at);
    const body = [aluReg("add", at, base), ...access(draw, inner, at, 0, size)];
    inner.scalars.delete(at);
    const code: Code[] = [movReg(at, source)];
    if (draw.chance(30)) {
      const spare = pointer.find((reg) => reg !== at) ?? at;
      state.scalars.delete(spare);
      inner.scalars.delete(spare);
      const narrowed = land([...code, ...narrow(draw, at, spare, room), ...body]);
      join(state, [inner, fork(state)]);
      for (const reg of [at, spare]) state.scalars.delete(reg);
      return narrowed;
    }
    if (draw.chance(50)) {
      code.push(aluImm("and", at, mask), ...body);
      join(state, [inner]);
    } else {
      code.push(jumpImm("jgt", at, room, body.length), ...body);
      join(state, [inner, fork(state)]);
    }
    state.scalars.delete(at);
    return code;
  }
  return access(draw, state, base, draw.below(valueSize - bytes + 1), size);
}

const mapUpdate: Statement = (draw, state) => {
  if (!callsAllowed(state)) return [];
  const index = draw.pick(keyedMaps);
  const map = generatedMaps[index]!;
  const code = [...putKey(draw, state, map), ...putValue(draw, state, map.valueSize), ...loadMap(1, index)];
  code.push(movReg(2, 10), aluImm("add", 2, keyAt), movReg(3, 10), aluImm("add", 3, valueAt));
  code.push(
    movImm(
      4,
      draw.weighed([
        [6, 0],
        [2, 1],
        [2, 2],
        [1, 4],
        [1, 9],
      ]),
    ),
    call(2),
  );
  afterCall(state);
  return code;
};

const mapDelete: Statement = (draw, state) => {
  if (!callsAllowed(state)) return [];
  const index = draw.pick(keyedMaps);
  const code = [...putKey(draw, state, generatedMaps[index]!), ...loadMap(1, index), movReg(2, 10)];
  code.push(aluImm("add", 2, keyAt), call(3));
  afterCall(state);
  return code;
};

/** bpf_csum_diff over what was put on the stack. */
const checksum: Statement = (draw, state) => {
  if (!callsAllowed(state)) return [];
  const bytes = 4 * draw.between(1, 6);
  const code = putValue(draw, state, 24);
  const [from, to] = draw.pick([
    [true, false],
    [false, true],
    [true, true],
  ] as const);
  const argument = (pointer: number, present: boolean): Code[] =>
    present
      ? [movReg(pointer, 10), aluImm("add", pointer, valueAt), movImm(pointer + 1, bytes)]
      : [movImm(pointer, 0), movImm(pointer + 1, 0)];
  code.push(...argument(1, from), ...argument(3, to), movImm(5, draw.chance(50) ? 0 : draw.immediate()), call(28));
  afterCall(state);
  return code;
};

/** Bytes between the packet and the stack, by helpers. */
const packetBytes: Statement = (draw, state) => {
  if (state.packet === undefined || !callsAllowed(state)) return [];
  const bytes = draw.between(1, 24);
  const stores = draw.chance(50);
  const code: Code[] = stores ? putValue(draw, state, 24) : [];
  code.push(movReg(1, context), movImm(2, draw.below(160)), movReg(3, 10), aluImm("add", 3, valueAt));
  code.push(movImm(4, bytes), call(stores ? 190 : 189));
  if (!stores) initialize(state, valueAt, isInitialized(state, valueAt, 24) ? 24 : 0);
  afterCall(state);
  // The pointers to the packet hold on: these helpers move nothing.
  return code;
};

/** Push, pop and peek of a queue or stack. */
const queueCall: Statement = (draw, state) => {
  if (!callsAllowed(state)) return [];
  const index = indexOfMap(draw.pick(["que", "sta"] as const));
  const helper = draw.pick([87, 87, 88, 89]);
  const code = putValue(draw, state, 24);
  code.push(...loadMap(1, index), movReg(2, 10), aluImm("add", 2, valueAt));
  if (helper === 87) code.push(movImm(3, draw.pick([0, 0, 2, 1])));
  code.push(call(helper));
  afterCall(state);
  return code;
};

/** Redirects whose verdict shows in r0. */
const redirect: Statement = (draw, state) => {
  if (!callsAllowed(state)) return [];
  const code: Code[] = [];
  if (draw.chance(30)) code.push(movImm(1, draw.between(1, 4)), movImm(2, draw.pick([0, 0, 1])), call(23));
  else {
    const key = scalar(draw, state, code);
    code.push(key === 2 ? movReg(2, 2) : movReg(2, key), ...loadMap(1, indexOfMap("dev")));
    if (draw.chance(50)) code.push(movImm(2, draw.below(6)));
    code.push(movImm(3, draw.pick([0, 1, 2, 3, 4, 8, 16])), call(51));
  }
  afterCall(state);
  return code;
};

/** A tail call into an empty table: it goes on behind. */
const tailCall: Statement = (draw, state) => {
  if (state.packet === undefined || !callsAllowed(state)) return [];
  const code = [movReg(1, context), ...loadMap(2, indexOfMap("jumps")), movImm(3, draw.below(6)), call(12)];
  afterCall(state, false);
  return code;
};

const bufferLength: Statement = (_draw, state) => {
  if (state.packet === undefined || !callsAllowed(state)) return [];
  afterCall(state);
  return [movReg(1, context), call(188)];
};

/** Moves the packet's begin, end or metadata, and checks anew. */
export const adjust: Statement = (draw, state) => {
  if (state.packet === undefined || !callsAllowed(state)) return [];
  const [helper, delta] = draw.weighed<readonly [number, number]>([
    [4, [44, draw.pick([-40, -14, -4, 0, 4, 14, 20, 200])]],
    [4, [65, draw.pick([-40, -8, -1, 0, 1, 8, 40])]],
    [1, [54, draw.pick(state.adjusted ? [0, 4, -6] : [-8, -4, 0, 4, -32])]],
  ]);
  state.adjusted = true;
  const code = [movReg(1, context), movImm(2, delta), call(helper)];
  afterCall(state);
  code.push(movReg(9, 0), ...checkPacket(draw, state, draw.pick([14, 20, 34])));
  state.scalars.add(9);
  state.scalars.delete(0);
  return code;
};

/** Keeps a pointer on the stack for a while. */
export const spillPointer =
  (within: (draw: Draw, state: State) => Code[]): Statement =>
  (draw, state) => {
    if (state.packet === undefined || state.depth > 3) return [];
    const [reg, at] = draw.chance(50) ? [context, -112] : [packet, -120];
    const inner = fork(state, { packet: undefined });
    for (const kept of [context, packet]) inner.reserved.add(kept);
    const body = within(draw, inner);
    const range = state.packet;
    inner.reserved.delete(context);
    inner.reserved.delete(packet);
    join(state, [inner]);
    state.packet = range;
    return [store("dw", 10, at, reg), movImm(reg, 0), ...body, load("dw", reg, 10, at)];
  };

export const memoryStatements: readonly (readonly [number, Statement])[] = [
  [22, packetAccess],
  [6, packetAtVariable],
  [3, contextLoad],
  [3, packetLength],
  [10, mapLookup],
  [4, mapUpdate],
  [2, mapDelete],
  [2, checksum],
  [2, packetBytes],
  [1, bufferLength],
  [3, queueCall],
  [2, redirect],
  [1, tailCall],
];
