// The three ways in which clients speak of their transactions. Over HTTP they have a token and numbers. Clients of Kafka's
// protocol keep their producer epoch and their sequences from one transaction to the next, say when they open one, and name it
// by the epoch alone. From version 2 of its transaction protocol on, what they stage opens it, and its end raises the epoch.
import type { Engine } from '../../../lib/api/engine.ts';
import type { CommitOffsetsRequest } from '../../../lib/api/groups.ts';
import type { AppendRequest } from '../../../lib/api/records.ts';
import type { EndedTransaction, StageReply, TransactionRef } from '../../../lib/api/transactions.ts';

export type Session = {
  readonly id: string;
  readonly instance: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Over HTTP. */
  readonly ref?: TransactionRef;
  /** The next sequence of each partition, of a client that speaks Kafka's protocol. */
  readonly sequences: Map<number, number>;
};

type Begun = Omit<Session, 'instance' | 'sequences'>;
/** Aborts when the client hears no answer: it closes the connection. */
type Signal = AbortSignal;
type Offsets = CommitOffsetsRequest & { readonly memberId?: string; readonly memberEpoch?: number };

export type Protocol = {
  readonly keepsSequences: boolean;
  /** The client names its transactions by numbers. */
  readonly hasNumbers: boolean;
  begin(engine: Engine, id: string, timeoutMs: number, before?: Session): Promise<Begun>;
  open(engine: Engine, session: Session, signal: Signal): Promise<void>;
  stage(engine: Engine, session: Session, request: AppendRequest): Promise<StageReply>;
  stageOffsets(engine: Engine, session: Session, request: Offsets, signal: Signal): Promise<void>;
  /** Returns what the client knows then. */
  end(
    engine: Engine,
    session: Session,
    what: 'commit' | 'abort',
    offsets: boolean,
    signal: Signal,
  ): Promise<{ readonly next: Session; readonly offsets?: EndedTransaction['offsets'] }>;
};

export const overHttp: Protocol = {
  keepsSequences: false,
  hasNumbers: true,
  async begin({ transactions }, id, timeoutMs) {
    const ref = await transactions.init({ transactionalId: id, timeoutMs });
    return { id, producerId: ref.producerId, producerEpoch: ref.producerEpoch, ref };
  },
  open: async () => {},
  stage: ({ transactions }, { ref }, request) => transactions.stage({ in: ref!, ...request }),
  stageOffsets: ({ transactions }, { ref }, request) => transactions.stageOffsets({ in: ref!, ...request }),
  async end({ transactions }, session, what, offsets) {
    const reply = await transactions[what]({ in: session.ref!, offsets });
    const { producerId, producerEpoch } = reply;
    const next = { ...session, producerId, producerEpoch, ref: { ...session.ref!, transaction: reply.next } };
    return { next: { ...next, sequences: new Map() }, ...(reply.offsets && { offsets: reply.offsets }) };
  },
};

const producerOf = ({ id: transactionalId, producerId, producerEpoch }: Session) => ({
  ...{ transactionalId, producerId, producerEpoch },
});

export const kafkas: Protocol = {
  keepsSequences: true,
  hasNumbers: false,
  async begin({ producerTransactions }, id, timeoutMs, before) {
    const known = before && { before: producerOf(before) };
    return { id, ...(await producerTransactions.init({ transactionalId: id, timeoutMs, ...known })) };
  },
  open: ({ producerTransactions }, session, signal) => producerTransactions.open({ ...producerOf(session), signal }),
  stage: ({ producerTransactions }, session, request) =>
    producerTransactions.stage({ in: producerOf(session), ...request }),
  stageOffsets({ producerTransactions }, session, { groupId, topics, memberId, memberEpoch }, signal) {
    const member = memberId !== undefined && { member: { memberId, generation: memberEpoch! } };
    return producerTransactions.stageOffsets({ in: { ...producerOf(session), signal }, groupId, topics, ...member });
  },
  async end({ producerTransactions }, session, what, _offsets, signal) {
    const outcome = what === 'commit' ? 'committed' : 'aborted';
    await producerTransactions.end({ in: { ...producerOf(session), signal }, outcome });
    return { next: session };
  },
};

const openerOf = (session: Session) => ({ ...producerOf(session), opens: true });

/** Version 2 of the transaction protocol. */
export const kafkasNewer: Protocol = {
  ...kafkas,
  keepsSequences: false,
  open: async () => {},
  stage: ({ producerTransactions }, session, request) =>
    producerTransactions.stage({ in: openerOf(session), ...request }),
  stageOffsets({ producerTransactions }, session, { groupId, topics, memberId, memberEpoch }, signal) {
    const member = memberId !== undefined && { member: { memberId, generation: memberEpoch! } };
    return producerTransactions.stageOffsets({ in: { ...openerOf(session), signal }, groupId, topics, ...member });
  },
  async end({ producerTransactions }, session, what, _offsets, signal) {
    const outcome = what === 'commit' ? 'committed' : 'aborted';
    const { producerId, producerEpoch } = await producerTransactions.end({
      ...{ in: { ...openerOf(session), signal }, outcome },
    });
    return { next: { ...session, producerId, producerEpoch, sequences: new Map() } };
  },
};
