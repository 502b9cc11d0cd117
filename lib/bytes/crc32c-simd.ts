// CRC-32C over blocks of 8 KiB with 128-bit instructions: a small WebAssembly module that this file writes, instruction by
// instruction. In V8 it takes half the time of the tables in crc32c.ts, which has the definition and serves wherever this does
// not run.
//
// A block is sixteen stretches of 512 bytes, and each stretch has a register of its own. Vector k holds byte k of all sixteen
// registers, so one step takes in one byte of each stretch. The table of a byte is split by linearity into two tables of four
// bits, table[b] = table[b & 15] ^ table[b & 240], because an instruction looks up sixteen such at once. The registers are
// joined at the end: a register moves on over the 512 bytes that follow it by four look-ups.

const lanes = 16;
const stretchBytes = 512;
export const blockBytes = lanes * stretchBytes;

/** Returns the register after the block at `at`. */
export type BlockCrc = (register: number, bytes: Uint8Array, at: number) => number;

type Exports = { readonly memory: { readonly buffer: ArrayBuffer }; readonly run: (register: number) => void };
/** The part of the global object that this file needs. */
type WebAssembly = {
  readonly Module: new (code: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

/** @param table says what a byte does to the register. Returns undefined where such a module does not run. */
export function blockCrc(table: Int32Array): BlockCrc | undefined {
  const made = instanceOf(table);
  if (!made) return undefined;
  const { run } = made;
  const memory = new Uint8Array(made.memory.buffer);
  const registers = memory.subarray(blockBytes);
  const shift = shiftTables(table);
  return (register, bytes, at) => {
    memory.set(bytes.subarray(at, at + blockBytes));
    run(register);
    let crc = 0;
    for (let lane = 0; lane < lanes; lane++) {
      const own =
        registers[lane]! |
        (registers[lanes + lane]! << 8) |
        (registers[2 * lanes + lane]! << 16) |
        (registers[3 * lanes + lane]! << 24);
      crc =
        own ^
        shift[crc & 0xff]! ^
        shift[256 + ((crc >>> 8) & 0xff)]! ^
        shift[512 + ((crc >>> 16) & 0xff)]! ^
        shift[768 + (crc >>> 24)]!;
    }
    return crc;
  };
}

function instanceOf(table: Int32Array): Exports | undefined {
  const { Module, Instance } = (globalThis as unknown as { WebAssembly?: WebAssembly }).WebAssembly ?? {};
  if (!Module || !Instance) return undefined;
  try {
    return new Instance(new Module(moduleOf(table))).exports as Exports;
  } catch {
    // The engine does not know the instructions, or a web page forbids modules.
    return undefined;
  }
}

/** Row k has 256 entries: the effect of byte k of the register after a stretch of zero bytes. */
function shiftTables(table: Int32Array): Int32Array {
  const ofBit = Array.from({ length: 32 }, (_, bit) => {
    let register = 1 << bit;
    for (let i = 0; i < stretchBytes; i++) register = (register >>> 8) ^ table[register & 0xff]!;
    return register;
  });
  const effect = (byte: number, row: number) =>
    ofBit.slice(8 * row, 8 * row + 8).reduce((sum, one, bit) => ((byte >> bit) & 1 ? sum ^ one : sum), 0);
  return Int32Array.from({ length: 4 * 256 }, (_, at) => effect(at & 0xff, at >> 8));
}

// --- the module (https://webassembly.github.io/spec/core/binary): `memory` has the block, then four vectors for the registers;
// run(register) fills these

const leb = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)]);
const section = (id: number, content: readonly number[]) => [id, ...leb(content.length), ...content];
const vector = (instruction: number) => [0xfd, ...leb(instruction)];

const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
/** The value is below 64, so its signed form has one byte. */
const int = (value: number) => [0x41, value];
const load = (offset: number) => [...vector(0), 0, ...leb(offset)];
const store = (offset: number) => [...vector(11), 0, ...leb(offset)];
const constant = (bytes: readonly number[]) => [...vector(12), ...bytes];
const shuffle = (from: readonly number[]) => [...vector(13), ...from];
const splat = vector(17);
const and = vector(78);
const xor = vector(81);
const shiftRight = vector(141);
/** Relaxed: the indexes are below sixteen, and for these it is defined. */
const lookUp = vector(0x100);

const fill = <T>(of: (lane: number) => T) => Array.from({ length: lanes }, (_, lane) => of(lane));
const lowHalves = fill((lane) => (lane >> 1) + (lane & 1) * lanes);
const highHalves = lowHalves.map((from) => from + lanes / 2);

/** Local 0 is the register, 1 the position in the stretches. The others are vectors. */
const local = {
  register: 0,
  at: 1,
  bytes: 2,
  spare: 18,
  state: 34,
  low: 38,
  high: 39,
  lowTables: 40,
  highTables: 44,
  mask: 48,
};

function moduleOf(table: Int32Array): Uint8Array<ArrayBuffer> {
  const i32 = 0x7f;
  const code = [2, 1, i32, local.mask - local.bytes + 1, 0x7b, ...program(table)];
  const name = (text: string) => [text.length, ...Buffer.from(text)];
  return new Uint8Array([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, i32, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('run'), 0, 0]),
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

function program(table: Int32Array): number[] {
  const tableOf = (k: number, shift: number) => constant(fill((four) => (table[four << shift]! >>> (8 * k)) & 0xff));
  const each = (of: (k: number) => number[]) => [0, 1, 2, 3].flatMap(of);
  const isLess = 0x49;
  const [loop, again, end, plus, nothing] = [0x03, 0x0d, 0x0b, 0x6a, 0x40];
  return [
    ...each((k) => [...tableOf(k, 0), ...set(local.lowTables + k), ...tableOf(k, 4), ...set(local.highTables + k)]),
    ...[...constant(fill(() => 15)), ...set(local.mask)],
    // The first stretch goes on from the given register, the others begin at zero.
    ...[...get(local.register), ...splat, ...constant(fill((lane) => (lane < 4 ? 255 : 0))), ...and, ...set(local.low)],
    ...each((k) => [
      ...[...get(local.low), ...get(local.low)],
      ...[...shuffle(fill((lane) => (lane === 0 ? k : lanes - 1))), ...set(local.state + k)],
    ]),
    ...[loop!, nothing!],
    ...fill((lane) => [...get(local.at), ...load(lane * stretchBytes), ...set(local.bytes + lane)]).flat(),
    ...transpose(),
    ...fill((lane) => takeIn(local.bytes + lane, lane)).flat(),
    ...[...get(local.at), ...int(lanes), plus!, ...tee(local.at)],
    ...[0x41, ...leb(stretchBytes), isLess, again!, 0, end!],
    ...each((k) => [...int(0), ...get(local.state + k), ...store(blockBytes + k * lanes)]),
    end!,
  ];
}

/** Sixteen vectors of one stretch each become sixteen vectors of one byte of each stretch: four perfect shuffles. */
function transpose(): number[] {
  const round = (from: number, to: number) =>
    fill((lane) => [
      ...[...get(from + (lane >> 1)), ...get(from + (lane >> 1) + lanes / 2)],
      ...[...shuffle(lane & 1 ? highHalves : lowHalves), ...set(to + lane)],
    ]).flat();
  const there = round(local.bytes, local.spare);
  const back = round(local.spare, local.bytes);
  return [...there, ...back, ...there, ...back];
}

/** register = (register >>> 8) ^ table[(register ^ byte) & 0xff], for all lanes. No vector moves: the names rotate. */
function takeIn(bytes: number, step: number): number[] {
  const state = (k: number) => local.state + ((step + k) & 3);
  const found = (k: number) => [
    ...[...get(local.lowTables + k), ...get(local.low), ...lookUp],
    ...[...get(local.highTables + k), ...get(local.high), ...lookUp, ...xor],
  ];
  return [
    ...[...get(state(0)), ...get(bytes), ...xor, ...tee(local.high), ...get(local.mask), ...and, ...set(local.low)],
    ...[...get(local.high), ...int(4), ...shiftRight, ...get(local.mask), ...and, ...set(local.high)],
    ...[0, 1, 2].flatMap((k) => [...found(k), ...get(state(k + 1)), ...xor, ...set(state(k + 1))]),
    ...[...found(3), ...set(state(0))],
  ];
}
