// A job of Flink copies numbers exactly once (`sums.ts`). The one that goes on from the checkpoint commits the transactions that the
// killed one had prepared. It is done with both of the ways in which Flink names transactions.
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { opens } from './program.ts';
import { copyUnderKills } from './sums.ts';

await copyUnderKills({
  name: 'flink',
  mainClass: 'FlinkSums',
  variants: ['INCREMENTING', 'POOLING'],
  // Flink asks for the first. The others are for what its serializers look at.
  options: ['-Xmx512m', ...opens('java.lang', 'java.util', 'java.util.concurrent')],
  mayRepeat: 0,
  lastCheckpoint(checkpoints) {
    // One that is complete has this file.
    const complete = globSync(join(checkpoints, '*/chk-*/_metadata'));
    const [last] = complete.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
    return join(last!, '..');
  },
});
process.exit(0);
