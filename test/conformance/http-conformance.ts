// The HTTP conformance suite: what docs/PROTOCOL.md promises, asked of any endpoint. Every reply is also held against
// the schema that the OpenAPI document shows for it.
import { afterAll, beforeAll, describe } from 'vitest';
import { fetchConformance } from './fetch.ts';
import { offsetsConformance } from './offsets.ts';
import { produceBinaryConformance } from './produce-binary.ts';
import { produceJsonConformance } from './produce-json.ts';
import { refusalsConformance } from './refusals.ts';
import { askOf, type Target } from './target.ts';
import { topicsConformance } from './topics.ts';

export function httpConformance(name: string, start: () => Promise<Target>): void {
  describe(`HTTP conformance: ${name}`, () => {
    let target: Target | undefined;
    beforeAll(async () => {
      target = await start();
    });
    afterAll(() => target?.close());
    const ask = askOf(() => {
      if (target === undefined) throw new Error('the endpoint did not start');
      return target;
    });
    topicsConformance(ask);
    produceJsonConformance(ask);
    produceBinaryConformance(ask);
    fetchConformance(ask);
    offsetsConformance(ask);
    refusalsConformance(ask);
  });
}
