// These stories of a topic's deletion are told step by step.
import { headKey } from '../../../../lib/storage/keys.ts';
import type { Table } from '../../../../lib/storage/table.ts';
import { gate, holding, through } from '../../core/through.ts';
import { type Stage, topic } from './stage.ts';
import { story } from './stories.ts';

/** A table on which `before` happens between the decision to delete a topic and the deletion. */
const beforeTransaction = (table: Table, before: () => Promise<unknown>): Table =>
  holding(
    table,
    ({ kind }) => kind === 'transact',
    async () => void (await before()),
  );

/** Calls `tell` with a copy of each transaction. The copy arrives when the token is forgotten, after ten minutes. */
const resentTransactions = (table: Table, tell: (again: () => Promise<unknown>) => void): Table =>
  through(table, (call, act) => {
    if (call.kind === 'transact') tell(() => table.transact(call.actions, `${call.token.slice(1)}x`));
    return act();
  });

async function deleted({ history, clock }: Stage, deletion: Promise<void>): Promise<void> {
  await deletion;
  history.deletedMs = clock.now();
  clock.advance(1);
}

export const topicStories = {
  afterDeletion: story('a process that does not know of the deletion gets another request', async (stage) => {
    const engine = stage.engineOver(stage.table);
    await stage.send(engine, { values: ['before'] });
    const reader = stage.engineOver(stage.table);
    await stage.poll(reader, 0);
    await deleted(stage, stage.engineOver(stage.table).deleteTopic(topic));
    await stage.send(engine, { values: ['after'] });
    await stage.poll(reader, 0);
  }),

  headMadeLate: story('a missing head is about to be made when the topic is deleted', async (stage) => {
    await stage.table.write({ kind: 'delete', key: headKey(stage.topicId, 0) });
    const put = gate();
    const slow = holding(stage.table, (call) => call.kind === 'put' && call.item.sk === 'h', put.pass);
    const engine = stage.engineOver(slow);
    const before = stage.send(engine, { values: ['before'] });
    await put.reached;
    await deleted(stage, stage.engineOver(stage.table).deleteTopic(topic));
    const other = stage.engineOver(stage.table);
    put.open();
    await before;
    await stage.send(other, { values: ['after'] });
    await stage.send(engine, { values: ['later'] });
  }),

  createdTwice: story('a copy of a creation arrives when the topic was deleted', async (stage) => {
    Object.assign(stage.history, { disturbances: [] });
    const again = Promise.withResolvers<() => Promise<unknown>>();
    const engine = stage.engineOver(stage.table);
    await engine.deleteTopic(topic);
    await stage.engineOver(resentTransactions(stage.table, again.resolve)).createTopic({ topic });
    await engine.deleteTopic(topic);
    await (await again.promise)();
    await engine.createTopic({ topic }).catch(() => {});
    await stage.send(engine, { values: ['first'] });
  }),

  deletedTwice: story('a copy of a deletion arrives after the topic was re-created', async (stage) => {
    const again = Promise.withResolvers<() => Promise<unknown>>();
    await stage.engineOver(resentTransactions(stage.table, again.resolve)).deleteTopic(topic);
    await stage.engineOver(stage.table).createTopic({ topic });
    await stage.send(stage.engineOver(stage.table), { values: ['first'] });
    await (await again.promise)();
  }),

  grownMeanwhile: story('a topic grows between the decision to delete it and the deletion', async (stage) => {
    const engine = stage.engineOver(stage.table);
    await stage.send(engine, { values: ['before'] });
    const grown = () => engine.alterTopic({ topic, partitions: 2 });
    const deleting = stage.engineOver(beforeTransaction(stage.table, grown));
    await deleted(
      stage,
      deleting.deleteTopic(topic).catch(() => stage.engineOver(stage.table).deleteTopic(topic)),
    );
    await stage.send(engine, { values: ['after'], partition: 1 });
  }),
};
