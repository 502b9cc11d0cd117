// The schemas of transactions: requests and replies (see schemas.ts and replies.ts).
import * as z from 'zod';
import { limits } from '../../lib/api/limits.ts';
import { partition, partitionProblem, timestamp, topicId } from './replies.ts';
import { LIST_LIMIT, nameOf, whole, wholeText } from './schemas.ts';

const transactionalId = nameOf({
  errorCode: 'INVALID_REQUEST',
  description: 'The transactional id: one for each producer that must not act twice at a time',
  example: 'payments-1',
});

export const transactionPath = z.strictObject({ id: transactionalId });

export const listTransactionsQuery = z.strictObject({
  after: transactionalId.optional(),
  limit: wholeText(1, LIST_LIMIT).optional(),
});

export const initBody = z.strictObject({
  timeoutMs: whole(1, limits.maxTransactionTimeoutMs)
    .optional()
    .meta({ description: 'A transaction is aborted so long after its first record. Default 60,000' }),
});

const token = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22}$/, 'the token of the init: 22 characters of base64url')
  .meta({ description: 'Proves that the caller is the newest instance of the transactional id' });

const transaction = whole(0, limits.maxOffset);

export const endBody = z.strictObject({ transaction, token });
export const commitBody = z.strictObject({
  transaction,
  token,
  offsets: z.boolean().optional().meta({ description: 'Whether the reply tells the offsets of the records' }),
});

/** `<transactional id> <transaction> <token>`, as the replies gave them. */
export const transactionHeader = z
  .string()
  .regex(
    new RegExp(`^[a-zA-Z0-9._-]{1,${limits.nameLength}} (0|[1-9][0-9]{0,15}) [A-Za-z0-9_-]{22}$`),
    'a transactional id, the number of its transaction and the token, with one space between them',
  )
  .transform((text) => {
    const [id, number, secret] = text.split(' ') as [string, string, string];
    return { transactionalId: id, transaction: Number(number), token: secret };
  })
  .meta({
    override: { type: 'string' },
    description: 'Makes this request a part of a transaction: `<transactional id> <transaction> <token>`',
  });

// --- replies

const outcome = z.enum(['committed', 'aborted']);
const producer = { producerId: z.int().min(0), producerEpoch: z.int().min(0) };

export const initialized = z
  .strictObject({ transactionalId: z.string(), transaction: z.int(), token: z.string(), ...producer })
  .meta({ id: 'InitializedTransactions' });

const committed = z.strictObject({ topicId, partition, baseOffset: z.int().min(0), records: z.int().min(1) });

export const ended = z
  .strictObject({ outcome, next: z.int(), ...producer, offsets: z.array(committed).optional() })
  .meta({ id: 'EndedTransaction' });

const description = {
  transactionalId: z.string(),
  state: z.enum(['empty', 'open', 'prepared', 'decided']),
  transaction: z.int(),
  ...producer,
  timeoutMs: z.int(),
  deadline: timestamp,
  lastUsed: timestamp,
  batches: z.int().min(0),
  groups: z.array(z.string()),
  last: z.strictObject({ transaction: z.int(), outcome }).optional(),
};

const partitionOfTransaction = z.strictObject({
  topic: z.string().optional().meta({ description: 'Missing if the topic was deleted since' }),
  topicId,
  partition,
  batches: z.int().min(1),
  records: z.int().min(1),
});

export const transactionDescription = z
  .strictObject({ ...description, partitions: z.array(partitionOfTransaction) })
  .meta({ id: 'Transaction' });
export const transactionList = z
  .strictObject({ transactions: z.array(z.strictObject(description)), nextAfter: z.string().optional() })
  .meta({ id: 'TransactionList' });

/** The reply to a produce in a transaction: its records have no offsets before the commit. */
export const stagedPartitions = z
  .strictObject({
    topicId,
    partitions: z.array(
      z.union([
        z.strictObject({ partition, staged: z.int().min(1), duplicate: z.literal(true).optional() }),
        partitionProblem,
      ]),
    ),
  })
  .meta({ id: 'StagedPartitions', description: 'One result per partition' });

export const stagedOffsets = z.strictObject({ staged: z.int().min(0) }).meta({ id: 'StagedOffsets' });
