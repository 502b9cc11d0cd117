// Compares our compaction with that of Apache Kafka: a real broker and our engine get the same workloads, batch by batch, and
// the records that survive must be the same, offset by offset. Run it by hand: npm run oracle -- DIRECTORY. It needs Java 17
// and Maven, which fetches Kafka into the directory.
import { append, createCompactedWorld, cutInto, readRecords, runPass } from '../maintenance/compaction/world.ts';
import { startKafka } from './kafka.ts';
import { type Batch, deletedKeys, names, phases, workload } from './workloads.ts';

/** The broker must go through a phase in less. */
const deleteRetentionMs = 10_000;

/** The same phases, with a clock that jumps. The last segment is not merged, as Kafka leaves the active one alone. */
async function survivorsOfOurs(batches: readonly Batch[]): Promise<string[]> {
  const world = await createCompactedWorld({ 'delete.retention.ms': String(deleteRetentionMs) });
  for (let phase = 0; phase < phases; phase++) {
    world.clock.advance(deleteRetentionMs + 500);
    const ofPhase = batches.filter((batch) => batch.phase === phase);
    for (const { records, codec } of ofPhase) await append(world, records, { compression: codec });
    await cutInto(world, [7, 1, 20]);
    await runPass(world, { unitItems: 3 });
    await append(world, [{ key: `roll${phase}`, value: 'r' }]);
  }
  return (await readRecords(world)).map(({ offset, key, value }) => `${offset}\t${key}\t${value ?? ''}`);
}

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('usage: npm run oracle -- DIRECTORY');
const kafka = await startKafka(directory);
try {
  for (const name of names) {
    const batches = workload(name);
    const theirs = kafka.survivorsOf(name, batches, deleteRetentionMs);
    const ours = await survivorsOfOurs(batches);
    const extra = ours.filter((line) => !theirs.includes(line));
    const missing = theirs.filter((line) => !ours.includes(line));
    const written = batches.reduce((sum, { records }) => sum + records.length, phases);
    const tombstones = theirs.filter((line) => line.endsWith('\t')).length;
    const dropped = deletedKeys(batches).length - tombstones;
    console.log(
      `${name}: ${written} records written, ${theirs.length} survive in Kafka (${tombstones} tombstones; ${dropped} dropped), ${ours.length} in Rivulet`,
    );
    if (extra.length + missing.length === 0) continue;
    console.log(`only in Rivulet: ${extra.join(' | ')}\nonly in Kafka: ${missing.join(' | ')}`);
    process.exitCode = 1;
  }
} finally {
  await kafka.stop();
}
