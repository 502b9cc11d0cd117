// The worlds of the mutants pass without a mutant.
import { expect, test } from 'vitest';
import { realLib } from '../../core/lib-under-test.ts';
import { anomalies } from './noticed.ts';
import { worlds } from './worlds.ts';

test.each(Object.values(worlds))('the unchanged library shows no anomaly in $name', async (world) => {
  expect(await anomalies(realLib, world, 1)).toEqual([]);
});
