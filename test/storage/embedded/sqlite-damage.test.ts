// A disk can damage the files of the table. These tests show that the damage is noticed: the start is refused, or an
// item is `corrupt`, or every value is the right one.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { createSqliteTable } from '../../../lib/storage/embedded/sqlite-table.ts';
import { createRandom } from '../../sim/core/random.ts';
import { type Files, filesIn, folderOf, readAll, verdict, withFault, writeHistory } from './damage.ts';

const commits = 40;
const { closed, crashed, states, marks } = await writeHistory(createRandom(1), commits);
const [beforeLast, last] = states.slice(-2) as [(typeof states)[0], (typeof states)[0]];
/** A power cut can do more: the mark is written without a sync, so the mark may be an older one. */
const powerCut = new Map([...crashed, ['table.sqlite-mark', marks[10]!]]);

const HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 4096;
const wal = crashed.get('table.sqlite-wal')!;
const frames = Math.floor((wal.length - HEADER_BYTES) / FRAME_BYTES);
const frameAt = (index: number): Buffer => wal.subarray(HEADER_BYTES + index * FRAME_BYTES).subarray(0, FRAME_BYTES);
const isOfThisRound = (index: number): boolean => frameAt(index).subarray(8, 16).equals(wal.subarray(16, 24));
/** The frames that end a commit, in the order of the log (WAL), without the frames of the round before. */
const commitFrames = Array.from({ length: frames }, (_, index) => index).filter(
  (index) => isOfThisRound(index) && frameAt(index).readUInt32BE(4) !== 0,
);

function changed(files: Files, name: string, change: (bytes: Buffer) => Buffer): Files {
  return new Map([...files, [name, change(Buffer.from(files.get(name)!))]]);
}

const flipped = (files: Files, name: string, at: number): Files =>
  changed(files, name, (bytes) => {
    bytes.writeUInt8(bytes[at]! ^ 1, at);
    return bytes;
  });
const without = (files: Files, ...names: string[]): Files =>
  new Map([...files].filter(([name]) => !names.includes(name)));
const inFrame = (index: number, at = 1000): number => HEADER_BYTES + index * FRAME_BYTES + at;
const refusalOf = async (files: Files): Promise<unknown> => {
  const outcome = await readAll(files);
  return 'refused' in outcome ? outcome.refused : outcome;
};

function tableOf(files: Files): DatabaseSync {
  const directory = folderOf(files);
  const database = new DatabaseSync(':memory:');
  database.exec(`ATTACH '${join(directory, 'table.sqlite')}' AS file; CREATE TABLE item AS SELECT * FROM file.item;
    DETACH file`);
  rmSync(directory, { recursive: true });
  return database;
}

function changeTable(path: string, statement: string, sk: string): void {
  const database = new DatabaseSync(path);
  expect(database.prepare(statement).run(sk)).toMatchObject({ changes: 1 });
  database.close();
}

const whatToDo = 'restore the folder from a copy, or see "A damaged data folder" in docs/RUNBOOK.md';
const lost = (count: number) =>
  expect.stringMatching(
    new RegExp(
      `^table.sqlite is damaged \\(of \\d+ acknowledged commits the last ${count} are missing\\): ${whatToDo}$`,
    ),
  );

test('the history is worth testing: the log started again from its beginning, and holds most of the commits', () => {
  expect(frames).toBeGreaterThan(commitFrames.at(-1)! + 1);
  expect(commitFrames.length).toBeGreaterThan(commits);
});

test('without damage both images hold everything that was written', async () => {
  for (const files of [closed, crashed, powerCut]) expect(verdict(await readAll(files), last)).toBe('right');
});

describe('the log after a crash', () => {
  test('with one flipped byte before other commits is refused with the place, whatever the mark knows', async () => {
    for (const files of [crashed, powerCut, without(crashed, 'table.sqlite-mark')]) {
      const frame = commitFrames.at(-5)!;
      expect(await refusalOf(flipped(files, 'table.sqlite-wal', inFrame(frame)))).toBe(
        `table.sqlite-wal is damaged (at byte ${inFrame(frame, 0)}, before later commits): ${whatToDo}`,
      );
      expect(await refusalOf(flipped(files, 'table.sqlite-wal', 17))).toBe(
        `table.sqlite-wal is damaged (at byte 0, before later commits): ${whatToDo}`,
      );
    }
  });

  test('is left as it is when it is refused, because SQLite would drop everything behind the damage', async () => {
    const files = flipped(crashed, 'table.sqlite-wal', inFrame(commitFrames.at(-5)!));
    const directory = folderOf(files);
    expect(() => createSqliteTable({ path: join(directory, 'table.sqlite') })).toThrow(/before later commits/);
    expect(filesIn(directory)).toEqual(files);
    rmSync(directory, { recursive: true });
  });

  test('with a flipped byte in the last commit is refused if the mark knows that commit, and otherwise loses it', async () => {
    const damage = inFrame(commitFrames.at(-1)!);
    expect(await refusalOf(flipped(crashed, 'table.sqlite-wal', damage))).toEqual(lost(1));
    expect(verdict(await readAll(flipped(powerCut, 'table.sqlite-wal', damage)), beforeLast)).toBe('right');
  });

  test('that is cut, empty or missing is refused', async () => {
    const cut = changed(crashed, 'table.sqlite-wal', (bytes) => bytes.subarray(0, inFrame(commitFrames.at(-3)!, 0)));
    expect(await refusalOf(cut)).toEqual(lost(3));
    const empty = changed(crashed, 'table.sqlite-wal', () => Buffer.alloc(0));
    for (const files of [empty, without(crashed, 'table.sqlite-wal')])
      expect(await refusalOf(files)).toMatch(/^table.sqlite is damaged \(of \d+ acknowledged commits the last \d+ are/);
  });
});

describe('the table', () => {
  test('that is missing or empty beside its mark or its log is refused', async () => {
    const sentence = `table.sqlite is damaged (it is missing or empty): ${whatToDo}`;
    for (const files of [closed, crashed, without(crashed, 'table.sqlite-mark')]) {
      expect(await refusalOf(without(files, 'table.sqlite'))).toBe(sentence);
      expect(await refusalOf(changed(files, 'table.sqlite', () => Buffer.alloc(0)))).toBe(sentence);
    }
  });

  test('with a damaged item reports that item as corrupt, and the others unchanged', async () => {
    const [item] = [...last.values()];
    const at = closed.get('table.sqlite')!.indexOf(JSON.stringify({ n: item!.n, text: item!.text }));
    expect(at).toBeGreaterThan(0);
    const outcome = await readAll(flipped(closed, 'table.sqlite', at + 5));
    expect(outcome).toMatchObject({ corrupt: new Set([item!.sk]) });
    expect(verdict(outcome, last)).toBe('corrupt');
  });

  test('of which an item has a damaged checksum has that item corrupt, also beside one with a damaged body', async () => {
    const directory = folderOf(closed);
    const path = join(directory, 'table.sqlite');
    const [first, second, third] = [...last.values()];
    changeTable(path, 'UPDATE item SET crc = crc + 4096 WHERE sk = ?', first!.sk);
    expect(await readAll(filesIn(directory))).toMatchObject({ corrupt: new Set([first!.sk]) });
    changeTable(path, `UPDATE item SET body = body || ' ' WHERE sk = ?`, second!.sk);
    const outcome = await readAll(filesIn(directory));
    expect(outcome).toMatchObject({ corrupt: new Set([first!.sk, second!.sk]) });
    expect(verdict(outcome, last)).toBe('corrupt');
    changeTable(path, 'DELETE FROM item WHERE sk = ?', third!.sk);
    expect(await refusalOf(filesIn(directory))).toMatch(/items are missing/);
    rmSync(directory, { recursive: true });
  });

  test('in which items are missing or are older versions is refused, although each item is whole', async () => {
    const [gone] = [...last.keys()];
    const [old] = [...last.keys()].filter((sk) => last.get(sk)!.n !== states[20]!.get(sk)?.n && states[20]!.has(sk));
    const older = tableOf((await writeHistory(createRandom(1), 21)).closed);
    const { pk, sk, body, crc } = older.prepare('SELECT * FROM item WHERE sk = ?').get(old!)!;
    older.close();
    const statements = [
      (database: DatabaseSync) => database.prepare('DELETE FROM item WHERE sk = ?').run(gone!),
      (database: DatabaseSync) =>
        database.prepare('UPDATE item SET body = ?, crc = ? WHERE pk = ? AND sk = ?').run(body!, crc!, pk!, sk!),
    ];
    for (const statement of statements) {
      const directory = folderOf(closed);
      const database = new DatabaseSync(join(directory, 'table.sqlite'));
      statement(database);
      database.close();
      expect(await refusalOf(filesIn(directory))).toBe(
        `table.sqlite is damaged (items are missing or are not the latest): ${whatToDo}`,
      );
      rmSync(directory, { recursive: true });
    }
  });

  test('that is replaced by an older version of itself is refused', async () => {
    const older = await writeHistory(createRandom(1), commits - 2);
    const swapped = new Map([...closed, ['table.sqlite', older.closed.get('table.sqlite')!]]);
    expect(await refusalOf(swapped)).toEqual(lost(2));
  });
});

describe('an orderly stop', () => {
  const placeOf = (files: Files, text: string): number => {
    const at = files.get('table.sqlite')!.indexOf(text);
    expect(at).toBeGreaterThan(0);
    return at;
  };
  const [item] = [...last.values()];
  const { pk, sk, n, text } = item!;
  const inBody = placeOf(closed, JSON.stringify({ n, text })) + 5;

  /** In a row the body follows the key, in the index the number of the row. */
  function withOtherIndexKey(bytes: Buffer, key: string): Buffer {
    for (let at = bytes.indexOf(key); at >= 0; at = bytes.indexOf(key, at + 1))
      if (bytes[at + key.length] !== '{'.charCodeAt(0)) bytes[at]! ^= 1;
    return bytes;
  }

  test('does not make a damaged item pass for a sound one: each start reports it', () => {
    const directory = folderOf(flipped(closed, 'table.sqlite', inBody));
    for (let start = 0; start < 3; start++) {
      const table = createSqliteTable({ path: join(directory, 'table.sqlite') });
      expect(table.damagedItems).toEqual([`${pk} ${sk}`]);
      table.close();
    }
    rmSync(directory, { recursive: true });
  });

  test('after damage to an open table: the next start reports it', () => {
    const directory = folderOf(closed);
    const path = join(directory, 'table.sqlite');
    const open = () => createSqliteTable({ path });
    const first = open();
    writeFileSync(path, flipped(filesIn(directory), 'table.sqlite', inBody).get('table.sqlite')!);
    first.close();
    const second = open();
    expect(second.damagedItems).toEqual([`${pk} ${sk}`]);
    writeFileSync(path, withOtherIndexKey(filesIn(directory).get('table.sqlite')!, `${pk}${sk}`));
    second.close();
    expect(open).toThrow(/is damaged \(row \d+ missing from index/);
    rmSync(directory, { recursive: true });
  });
});

describe('the mark', () => {
  test('is refused when it is damaged, and when it is missing everything is still there', async () => {
    const sentence = 'table.sqlite-mark is damaged: see "A damaged data folder" in docs/RUNBOOK.md';
    expect(await refusalOf(flipped(crashed, 'table.sqlite-mark', 12))).toBe(sentence);
    for (const files of [closed, crashed])
      expect(verdict(await readAll(without(files, 'table.sqlite-mark')), last)).toBe('right');
  });

  test('is not read while another process may write it: a second opener hears of that process', () => {
    const directory = folderOf(flipped(closed, 'table.sqlite-mark', 12));
    const other = new DatabaseSync(join(directory, 'table.sqlite'));
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE');
    expect(() => createSqliteTable({ path: join(directory, 'table.sqlite') })).toThrow(/^another process is using/);
    other.close();
    rmSync(directory, { recursive: true });
  });
});

test('no fault of one file gives a wrong value', async () => {
  const random = createRandom(7);
  const counts = { refused: 0, corrupt: 0, right: 0, wrong: 0 };
  for (let i = 0; i < 80; i++) {
    const image = random.pick([closed, crashed]);
    const { files, fault } = withFault(random, image, random.pick([...image.keys()]));
    const found = verdict(await readAll(files), last);
    expect(found, `${image === closed ? 'closed' : 'crashed'}, ${fault}`).not.toBe('wrong');
    counts[found]++;
  }
  expect(counts.refused).toBeGreaterThan(15);
  expect(counts.corrupt).toBeGreaterThan(0);
});

test('after a power cut a flipped byte of the log costs at most the last commit', async () => {
  const random = createRandom(8);
  for (let i = 0; i < 25; i++) {
    const files = flipped(powerCut, 'table.sqlite-wal', random.below(inFrame(commitFrames.at(-1)!, FRAME_BYTES)));
    const outcome = await readAll(files);
    const found = [last, beforeLast].map((state) => verdict(outcome, state));
    expect(found.some((one) => one !== 'wrong')).toBe(true);
  }
});
