/** Statements about what has a state of its own: records, locks, dynptrs, maps in maps, metadata; and pointers at odd offsets. */
import {
  afterCall,
  aluImm,
  aluReg,
  type Code,
  call,
  fork,
  initialize,
  join,
  jumpImm,
  jumpReg,
  load,
  loadMap,
  movImm,
  movReg,
  type State,
  sizeBytes,
  store,
  storeImm,
} from "./code.js";
import { generatedMaps, indexOfMap } from "./maps.js";
import { access, callsAllowed, keyAt, putValue, valueAccess, valueAt } from "./memory-statements.js";
import type { Draw } from "./random.js";
import { type Statement, scalar, sizes } from "./statements.js";

/** Looks a constant key up in a map of index `map`; r0 is the answer. */
function lookup(draw: Draw, state: State, map: number, keys: number): Code[] {
  const code = [storeImm("w", 10, keyAt, draw.below(keys)), ...loadMap(1, map), movReg(2, 10)];
  code.push(aluImm("add", 2, keyAt), call(1));
  initialize(state, keyAt, 4);
  afterCall(state, false);
  return code;
}

/** A record is reserved, written and given back. Nothing depends on whether there is room. */
const record: Statement = (draw, state) => {
  if (!callsAllowed(state)) return [];
  const bytes = draw.pick([8, 16, 24, 40]);
  const code = [...loadMap(1, indexOfMap("ring")), movImm(2, bytes), movImm(3, 0), call(131)];
  afterCall(state, false);
  const body: Code[] = [];
  for (let left = draw.between(0, 3); left > 0; left--) {
    const size = draw.pick(sizes);
    const offset = draw.below(bytes - sizeBytes[size] + 1);
    const known = [...state.scalars];
    if (known.length > 0 && draw.chance(50)) body.push(store(size, 0, offset, draw.pick(known)));
    else body.push(storeImm(size, 0, offset, draw.immediate()));
  }
  body.push(movReg(1, 0), movImm(2, 1), call(draw.pick([132, 133])));
  return [...code, jumpImm("jeq", 0, 0, body.length), ...body];
};

/** A value that is changed under its lock. */
const locked: Statement = (draw, state) => {
  if (!callsAllowed(state) || state.reserved.has(8)) return [];
  const code = lookup(draw, state, indexOfMap("lck"), 3);
  state.scalars.delete(8);
  const inner = fork(state);
  inner.reserved.add(8);
  const body = [movReg(8, 0), movReg(1, 0), call(93)];
  for (let left = draw.between(1, 3); left > 0; left--) {
    const size = draw.pick(sizes);
    body.push(...access(draw, inner, 8, 8 + draw.below(8 - sizeBytes[size] + 1), size));
  }
  body.push(movReg(1, 8), call(94));
  afterCall(inner, false);
  inner.reserved.delete(8);
  join(state, [inner, fork(state)]);
  state.scalars.delete(0);
  state.scalars.add(8);
  return [...code, jumpImm("jeq", 0, 0, body.length), ...body, movImm(8, draw.immediate())];
};

/** A value of a map that was found in a map. */
const mapInMap: Statement = (draw, state) => {
  if (!callsAllowed(state)) return [];
  const code = lookup(draw, state, indexOfMap("out"), 3);
  const inner = fork(state);
  const second = [
    movReg(1, 0),
    storeImm("w", 10, keyAt, draw.below(6)),
    movReg(2, 10),
    aluImm("add", 2, keyAt),
    call(1),
  ];
  const found = fork(inner);
  found.reserved.add(0);
  const body: Code[] = [];
  for (let left = draw.between(1, 3); left > 0; left--) body.push(...valueAccess(draw, found, 0, 32));
  found.reserved.delete(0);
  found.scalars.delete(0);
  join(state, [found, fork(state)]);
  second.push(jumpImm("jeq", 0, 0, body.length), ...body);
  return [...code, jumpImm("jeq", 0, 0, second.length), ...second];
};

const dynptrAt = -144;

/** A dynptr of part of a value, then one thing done with it. */
const dynptr: Statement = (draw, state) => {
  if (!callsAllowed(state)) return [];
  const code = [...putValue(draw, state, 24), ...lookup(draw, state, indexOfMap("arr"), 6)];
  const body = [movReg(1, 0), movImm(2, draw.between(1, draw.chance(90) ? 32 : 40)), movImm(3, 0)];
  const address = (reg: number): Code[] => [movReg(reg, 10), aluImm("add", reg, dynptrAt)];
  body.push(...address(4), call(197));
  const bytes = draw.between(1, 24);
  const offset = draw.below(24);
  switch (draw.below(3)) {
    case 0:
      body.push(movReg(1, 10), aluImm("add", 1, valueAt), movImm(2, bytes), ...address(3), movImm(4, offset));
      body.push(movImm(5, 0), call(201));
      break;
    case 1:
      body.push(...address(1), movImm(2, offset), movReg(3, 10), aluImm("add", 3, valueAt), movImm(4, bytes));
      body.push(movImm(5, 0), call(202));
      break;
    default:
      body.push(...address(1), movImm(2, offset), movImm(3, 8), call(203), jumpImm("jeq", 0, 0, 1));
      body.push(storeImm("dw", 0, 0, draw.immediate()), movImm(0, 0));
  }
  afterCall(state);
  return [...code, jumpImm("jeq", 0, 0, body.length), ...body];
};

/** Bytes of metadata before the frame. Once the frame was moved, what it uncovers is not the same. */
const metadata: Statement = (draw, state) => {
  if (state.packet === undefined || state.adjusted || !callsAllowed(state)) return [];
  const bytes = 4 * draw.between(1, 8);
  const [context, packet] = [6, 7];
  const code = [movReg(1, context), movImm(2, -bytes), call(54)];
  afterCall(state, false);
  state.adjusted = true;
  // The pointer to the frame is no good any more: what is known of it must be asked anew.
  const range = draw.between(1, 14);
  const body: Code[] = [];
  for (let left = draw.between(1, 3); left > 0; left--) {
    const size = draw.pick(sizes);
    const room = Math.min(bytes, 8) - sizeBytes[size];
    if (room < 0) continue;
    if (draw.chance(50)) body.push(storeImm(size, 1, draw.below(room + 1), draw.immediate()));
    else body.push(load(size, 5, 1, draw.below(room + 1)));
  }
  const end = Math.min(bytes, 8);
  code.push(load("w", 1, context, 8), load("w", packet, context, 0), movReg(3, 1), aluImm("add", 3, end));
  code.push(jumpReg("jgt", 3, packet, body.length), ...body);
  code.push(load("w", 4, context, 4), movReg(3, packet), aluImm("add", 3, range));
  code.push(jumpReg("jle", 3, 4, 2), movImm(0, 1), { ...movImm(0, 0), opcode: 0x95, dst: 0, imm: 0 });
  for (const reg of [0, 1, 2, 3, 4, 5]) state.scalars.delete(reg);
  state.packet = range;
  return code;
};

/** Stack at an index: sixteen bytes that are all numbers. */
const stackAtVariable: Statement = (draw, state) => {
  const at = -64;
  const code: Code[] = [storeImm("dw", 10, at, draw.immediate()), storeImm("dw", 10, at + 8, draw.immediate())];
  const source = scalar(draw, state, code);
  initialize(state, at, 16);
  const [pointer, base] = [1, 2, 3, 4, 5].filter((reg) => !state.reserved.has(reg) && reg !== source);
  if (pointer === undefined || base === undefined) return [];
  const size = draw.pick(sizes);
  const [from, mask] = draw.pick([
    [at, 8],
    [at + 8, 8],
    [at, 16 - sizeBytes[size]],
  ] as const);
  const down = from !== at;
  code.push(movReg(pointer, source), aluImm("and", pointer, mask & (size === "b" ? 15 : ~(sizeBytes[size] - 1))));
  if (down) code.push(aluImm("mul", pointer, -1));
  if (state.packet !== undefined) code.push(aluReg("add", pointer, 10));
  else {
    // In functions the kernel's verifier takes a number plus the frame pointer for the stack of the program's first function.
    code.push(movReg(base, 10), aluReg("add", base, pointer), movReg(pointer, base));
    state.scalars.delete(base);
  }
  code.push(aluImm("add", pointer, from));
  state.scalars.delete(pointer);
  code.push(...access(draw, state, pointer, 0, size));
  state.scalars.delete(pointer);
  return code;
};

/** A value reached by way of an offset beyond it, forth and back. */
const offsetsBack: Statement = (draw, state) => {
  if (!callsAllowed(state)) return [];
  const index = draw.pick([indexOfMap("arr"), indexOfMap("cpu")]);
  const { valueSize } = generatedMaps[index]!;
  const code = lookup(draw, state, index, 4);
  const inner = fork(state);
  inner.reserved.add(0);
  const forth = draw.pick([4, 8, 16, valueSize, 64, 4096]);
  const back = draw.chance(85) ? forth : forth - 1;
  const size = draw.pick(sizes);
  const body = [aluImm("add", 0, forth), draw.chance(50) ? aluImm("add", 0, -back) : aluImm("sub", 0, back)];
  if (draw.chance(40)) {
    body.splice(1, 0, movReg(1, 0));
    body.push(load(size, 1, 1, -forth));
    inner.scalars.add(1);
  }
  body.push(...access(draw, inner, 0, draw.below(valueSize - sizeBytes[size] + 1), size));
  inner.reserved.delete(0);
  inner.scalars.delete(0);
  join(state, [inner, fork(state)]);
  state.scalars.delete(0);
  return [...code, jumpImm("jeq", 0, 0, body.length), ...body];
};

/** A number in bounds goes to the stack in one width, is partly overwritten perhaps, comes back in another, and is an index. */
const spilledBound: Statement = (draw, state) => {
  if (!callsAllowed(state) || state.reserved.has(9) || state.reserved.has(8)) return [];
  const at = -64;
  const code: Code[] = [];
  const source = scalar(draw, state, code);
  code.push(movReg(9, source), aluImm("and", 9, draw.pick([7, 15, 31])));
  const wide = draw.pick(sizes);
  code.push(storeImm("dw", 10, at, draw.pick([0, 0, -1, 5])), store(wide, 10, at, 9));
  if (draw.chance(40)) {
    const over = draw.pick(sizes);
    const places = 8 / sizeBytes[over];
    code.push(storeImm(over, 10, at + draw.below(places) * sizeBytes[over], draw.below(8)));
  }
  initialize(state, at, 8);
  state.scalars.add(9);
  code.push(...lookup(draw, state, indexOfMap("arr"), 4));
  const read = draw.pick(sizes);
  const inner = fork(state);
  const body = [load(read, 1, 10, at), aluReg("add", 1, 0)];
  const last = draw.pick(["b", "b", "h"] as const);
  inner.scalars.delete(1);
  inner.reserved.add(1);
  body.push(...access(draw, inner, 1, 0, last));
  inner.reserved.delete(1);
  inner.scalars.delete(1);
  join(state, [inner, fork(state)]);
  for (const reg of [0, 1]) state.scalars.delete(reg);
  return [...code, jumpImm("jeq", 0, 0, body.length), ...body];
};

export const moreStatements: readonly (readonly [number, Statement])[] = [
  [2, record],
  [2, locked],
  [3, mapInMap],
  [2, dynptr],
  [2, metadata],
  [4, stackAtVariable],
  [3, offsetsBack],
  [4, spilledBound],
];
