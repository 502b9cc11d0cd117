import { join } from 'node:path';
import { expect, test } from 'vitest';
import { start } from '../cli/processes.ts';

// They spend their time in waiting between tries.
test.concurrent.each(['quickstart', 'group', 'demo'])(
  'without a service the example %s reports that in one line',
  async (name) => {
    const script = join(import.meta.dirname, `../../examples/${name}.ts`);
    const { code, stdout, stderr } = await start(script, [], { RIVULET_URL: 'http://127.0.0.1:1' }).finished;
    expect(stderr).toMatch(/^rivulet: .*ECONNREFUSED 127\.0\.0\.1:1; .*`npx rivulet serve` starts one.*\n$/);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  },
);
