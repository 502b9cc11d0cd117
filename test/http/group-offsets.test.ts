// These tests look up more committed offsets than one reply can hold.
import { beforeAll, describe, expect, it } from 'vitest';
import { createApi } from '../../http/api.ts';
import { limits } from '../../lib/api/limits.ts';
import { createEngine } from '../../lib/engine.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { createMemoryObjectStore } from '../../lib/storage/memory/memory-object-store.ts';
import { createMemoryTable } from '../../lib/storage/memory/memory-table.ts';

const clock = systemClock;
const engine = createEngine({ objects: createMemoryObjectStore({ clock }), table: createMemoryTable(), clock });
const api = createApi({ engine, version: 'test' });
const groupId = 'g';
const topics = ['a', 'b', 'c'];
const numbers = Array.from({ length: 100 }, (_, partition) => partition);

beforeAll(async () => {
  // This metadata is six times as long in JSON, so 170 of them fill a reply.
  const metadata = '\u0001'.repeat(limits.offsetMetadataBytes);
  for (const topic of topics) {
    await engine.createTopic({ topic, partitions: numbers.length });
    const partitions = numbers.map((partition) => ({ partition, offset: partition, metadata }));
    await engine.groups.commitOffsets({ groupId, topics: [{ topic, partitions }] });
  }
});

type Page = {
  readonly topics: readonly {
    readonly topic: string;
    readonly partitions: readonly { readonly partition: number }[];
  }[];
  readonly nextAfter?: string;
};

async function lookUp(query: Record<string, string>): Promise<{ statusCode: number; bytes: number; page: Page }> {
  const path = `/v1/groups/${groupId}/offsets`;
  const requestContext = { requestId: 'r', http: { method: 'GET', path, sourceIp: '192.0.2.17' } };
  const rawQueryString = new URLSearchParams(query).toString();
  const event = { version: '2.0' as const, rawPath: path, rawQueryString, headers: {}, requestContext };
  const { statusCode, body } = await api({ ...event, isBase64Encoded: false });
  const text = String(body);
  return { statusCode, bytes: Buffer.byteLength(text), page: JSON.parse(text) };
}

async function allPages(query: Record<string, string>, between: () => Promise<unknown> = async () => {}) {
  const rows: string[] = [];
  let pages = 0;
  for (let after: string | undefined; ; pages++) {
    const { statusCode, bytes, page } = await lookUp({ ...query, ...(after !== undefined && { after }) });
    expect(statusCode, JSON.stringify(page).slice(0, 300)).toBe(200);
    expect(bytes).toBeLessThanOrEqual(4 * 1024 * 1024);
    for (const { topic, partitions } of page.topics) rows.push(...partitions.map(({ partition }) => topic + partition));
    after = page.nextAfter;
    if (after === undefined) return { pages: pages + 1, rows };
    await between();
  }
}

describe('committed offsets that do not fit into one reply', () => {
  it('are looked up page by page, each of them once', async () => {
    const { pages, rows } = await allPages({});
    expect(pages).toBe(2);
    const expected = topics.flatMap((topic) => numbers.map((partition) => topic + partition));
    expect(rows.toSorted()).toEqual(expected.toSorted());
  });

  it('are all found, though others appear or disappear between the pages', async () => {
    const late = ['d', 'e', 'f', 'g'];
    for (const topic of late) await engine.createTopic({ topic });
    const commit = (topic: string) =>
      engine.groups.commitOffsets({ groupId, topics: [{ topic, partitions: [{ partition: 0, offset: 1 }] }] });
    const { rows } = await allPages({}, () => Promise.all(late.map(commit)));
    expect(new Set(rows).size).toBe(rows.length);
    expect(rows).toEqual(expect.arrayContaining(topics.flatMap((topic) => [`${topic}0`, `${topic}99`])));
    const { rows: fewer } = await allPages({}, () =>
      Promise.all(late.map((topic) => engine.groups.deleteOffsets({ groupId, topics: [{ topic }] }))),
    );
    expect(fewer).toEqual(expect.arrayContaining(topics.flatMap((topic) => [`${topic}0`, `${topic}99`])));
  });

  it('of a topic, and of a range, continue after the last row of the previous page', async () => {
    const { topicId } = await engine.describeTopic('b');
    for (const query of [{ topic: 'b' }, { topic: 'b', partitions: '10-99' }]) {
      const { page } = await lookUp({ ...query, after: `${topicId}/41` });
      expect(page.topics).toMatchObject([{ topic: 'b', topicId }]);
      expect(page.topics[0]!.partitions.map(({ partition }) => partition)).toEqual(numbers.slice(42));
    }
  });

  it('of a topic that was re-created between two pages are refused', async () => {
    const after = `${'A'.repeat(22)}/41`;
    expect(await lookUp({ topic: 'b', after })).toMatchObject({
      statusCode: 409,
      page: { errorCode: 'INCONSISTENT_TOPIC_ID' },
    });
  });

  it.each(['41', 'x/41', `${'A'.repeat(22)}/-1`, `${'A'.repeat(22)}/12345`])(
    'are not looked up after %s',
    async (after) => {
      expect(await lookUp({ after })).toMatchObject({
        statusCode: 400,
        page: { detail: expect.stringMatching(/^query\.after: expected the nextAfter of a reply/) },
      });
    },
  );

  it('of a missing topic are one error, however many partitions the request names', async () => {
    expect(await lookUp({ topic: 'none', partitions: '0-9999' })).toMatchObject({
      statusCode: 404,
      page: { errorCode: 'UNKNOWN_TOPIC_OR_PARTITION' },
    });
  });
});
