// A job of Spark's Structured Streaming copies numbers (`sums.ts`). Its sink is at least once: the batch that the kill has cut off is
// written again. It is done with the trigger that waits for more numbers, and with the one that ends the job.
import { opens, scratch } from './program.ts';
import { copyUnderKills } from './sums.ts';

await copyUnderKills({
  name: 'spark',
  mainClass: 'SparkSums',
  variants: ['ProcessingTime', 'AvailableNow'],
  options: [
    '-Xmx1g',
    ...opens('java.lang', 'java.lang.invoke', 'java.nio', 'java.util', 'sun.nio.ch'),
    // A job that is killed leaves its folder.
    `-Djava.io.tmpdir=${scratch}`,
  ],
  // A batch, with its `maxOffsetsPerTrigger`.
  mayRepeat: 2_000,
});
process.exit(0);
