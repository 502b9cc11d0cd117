// The clients of a world of transactions: what they know, and how they ask one of the processes.
import type { Engine } from '../../../lib/api/engine.ts';
import { RivuletError } from '../../../lib/api/errors.ts';
import type { TopicPartitions } from '../../../lib/api/groups.ts';
import type { Answer } from '../core/process.ts';
import type { Stage } from '../groups/stage.ts';
import type { History, Told } from './history.ts';
import type { Protocol, Session } from './protocol.ts';

export const topic = 't';
/** The topic that may be deleted. Its partitions have the numbers from `firstDoomed` on. */
export const doomed = 'd';
export const firstDoomed = 100;
export const inputs = 'in';
export const groupId = 'g';

export type World = Stage & {
  readonly history: History;
  readonly topicId: string;
  readonly partitions: number;
  /** Reads what is new in every partition, in this very instant. */
  look(): Promise<void>;
};

/** A client knows this of its membership. */
export type Member = {
  readonly id: string;
  epoch: number;
  beats: number;
  commits: number;
  assignment: readonly TopicPartitions[];
};

export type Client = {
  readonly world: World;
  readonly name: string;
  /** Its transactional id; another client may have the same. */
  readonly id: string;
  /** The input partition whose offsets it commits. Clients of one id have the same. */
  readonly input: number;
  readonly timeoutMs: number;
  readonly speaks: Protocol;
  session: Session | undefined;
  /** Clients that are no members commit their offsets as simple consumers. */
  member?: Member | undefined;
  /** The number of its transactions so far. */
  begun: number;
};

export type Job = (client: Client) => Promise<void>;

const requestTimeoutMs = 30_000;

/** The topic and the number of a partition there. */
export const placeOf = (partition: number): { readonly topic: string; readonly partition: number } =>
  partition < firstDoomed ? { topic, partition } : { topic: doomed, partition: partition - firstDoomed };

export const pause = ({ scheduler }: World, ms: number) => new Promise<void>((resolve) => scheduler.after(ms, resolve));
export const ask = <T>({ random, processes }: World, operation: (engine: Engine) => Promise<T>): Promise<Answer<T>> =>
  random.pick(processes).request(operation, requestTimeoutMs);

/** The same for a request that must not act once the client has heard nothing and asks again. */
export async function askWhileHere<T>(
  world: World,
  operation: (engine: Engine, signal: AbortSignal) => Promise<T>,
): Promise<Answer<T>> {
  const left = new AbortController();
  const answer = await ask(world, (engine) => operation(engine, left.signal));
  if (answer === 'lost') left.abort();
  return answer;
}

/** The same world, through a process whose calls suffer nothing and take no time. */
export const calmly = (world: World): World => ({ ...world, processes: [calmProcess(world)] });

const calmProcess = ({ observer, observerPorts }: World): World['processes'][number] => ({
  request: async (operation) => {
    try {
      return { reply: await operation(observer, observerPorts) };
    } catch (error) {
      return { error };
    }
  },
  kill: () => {},
  turnClock: () => {},
});

/** The outcome of an error; anything else than one of ours ends the world. */
export function toldOf<T>(answer: Answer<T>): Told {
  if (answer === 'lost') return 'lost';
  if ('reply' in answer) return 'done';
  if (answer.error instanceof RivuletError) return answer.error.outcome ?? 'not-written';
  throw answer.error;
}

export const codeOf = <T>(answer: Answer<T>): string | undefined =>
  answer !== 'lost' && 'error' in answer ? (answer.error as RivuletError).errorCode : undefined;
