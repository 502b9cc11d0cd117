// These clients ask for maintenance, and for the deletion of records, in worlds that leave much to chance.
import type { Lib } from '../core/lib-under-test.ts';
import { type Surroundings, simulatedTopic } from './clients.ts';
import type { Pass } from './upkeep.ts';

/** A pass may be slow. Its client does not wait for ever, and may begin another one beside it. */
const passTimeoutMs = 60_000;

/** Runs a pass once, at any process. */
export async function askFor({ random, processes, history, trace }: Surroundings, lib: Lib, pass: Pass): Promise<void> {
  const answer = await random.pick(processes).request((_engine, ports) => pass(lib, ports, history), passTimeoutMs);
  const told = answer === 'lost' ? answer : 'error' in answer ? String(answer.error) : JSON.stringify(answer.reply);
  trace(`maintenance: ${told}`);
}

/** Asks for the deletion of records below an offset in the older half of the log. */
export async function deleteSome(world: Surroundings, partition: number): Promise<void> {
  const { requests } = world.history.removal!;
  const logStart = await endOf(world, partition, 'earliest');
  const next = await endOf(world, partition, 'latest');
  const to = logStart + world.random.below(Math.max(1, Math.ceil((next - logStart) / 2)));
  const request = { partition, to, begunMs: world.scheduler.now() };
  requests.push(request);
  const asked = { topic: simulatedTopic, partitions: [{ partition, offset: to }] };
  const answer = await world.random
    .pick(world.processes)
    .request((engine) => engine.deleteRecords(asked), passTimeoutMs);
  const result = answer !== 'lost' && 'reply' in answer ? answer.reply.partitions[0]! : undefined;
  if (result && !('error' in result)) Object.assign(request, { endedMs: world.scheduler.now() });
}

/** 0 if there is no answer. */
async function endOf(
  { random, processes }: Surroundings,
  partition: number,
  at: 'earliest' | 'latest',
): Promise<number> {
  const asked = { topic: simulatedTopic, at, partitions: [partition] };
  const answer = await random.pick(processes).request((engine) => engine.offsets(asked), passTimeoutMs);
  return answer !== 'lost' && 'reply' in answer ? answer.reply.partitions[0]!.offset : 0;
}
