// The zod schemas of requests. They validate requests, and the OpenAPI document is made of them. The limits come from
// lib/api/limits.ts. A field or parameter that has no schema here is refused by name.
import * as z from 'zod';
import type {} from 'zod-openapi';
import type { ErrorCode } from '../../lib/api/errors.ts';
import { limits, reservedNames } from '../../lib/api/limits.ts';
import { listOfHeaders } from '../../lib/json/values.ts';

/** An integer of a JSON body. */
export function whole(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.number(error).int(error).min(min, error).max(max, error);
}

/**
 * An integer of a path or a query: decimal digits, no sign, no leading zero, so that one resource has one path.
 */
export function wholeText(min: number, max: number) {
  return z
    .string()
    .refine((text) => isWhole(text, min, max), `a whole number from ${min} to ${max}`)
    .transform(Number)
    .meta({ override: { type: 'integer', minimum: min, maximum: max } });
}

function isWhole(text: string, min: number, max: number): boolean {
  return /^(0|[1-9][0-9]{0,15})$/.test(text) && Number(text) >= min && Number(text) <= max;
}

const NAME = new RegExp(`^(?!(\\.{1,2}|${reservedNames.join('|')})$)[a-zA-Z0-9._-]{1,${limits.nameLength}}$`);

/** The schema of a name: of a topic, a group or an instance. */
export function nameOf(what: { errorCode: ErrorCode; description: string; example: string }) {
  const { errorCode, description, example } = what;
  const error = `1 to ${limits.nameLength} of a-z A-Z 0-9 . _ -, not "." or "..", not ${reservedNames.join(', ')}`;
  return z
    .string()
    .refine((name) => NAME.test(name), { error, params: { errorCode } })
    .meta({ pattern: NAME.source, description, example });
}

export const topicName = nameOf({
  errorCode: 'INVALID_TOPIC_EXCEPTION',
  description: 'The name of a topic',
  example: 'orders',
});

export const topicId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22}$/, 'a topic id: 22 characters of base64url')
  .meta({
    description:
      'The id of the topic. If the topic was deleted and created again under this name, the answer is INCONSISTENT_TOPIC_ID',
  });

/** The position where a page of partitions ended, as its reply gave it (`nextAfter`). */
export const partitionPosition = z
  .string()
  .regex(/^[A-Za-z0-9_-]{22}\/[0-9]{1,4}$/, 'the nextAfter of a reply: a topic id, a slash and a partition')
  .transform((text) => ({ topicId: text.slice(0, 22), partition: Number(text.slice(23)) }))
  .meta({ override: { type: 'string', pattern: '^[A-Za-z0-9_-]{22}/[0-9]{1,4}$' } });

/** Refines a list so that each key occurs only once. */
export function eachOnce<T>(what: string, keyOf: (one: T) => string | number) {
  return (list: readonly T[], context: z.RefinementCtx) => {
    const seen = new Set<string | number>();
    const at = list.map(keyOf).findIndex((key) => seen.size === seen.add(key).size);
    if (at >= 0) context.addIssue({ code: 'custom', path: [at], message: `each ${what} once` });
  };
}

export const offset = whole(0, limits.maxOffset);
export const partition = whole(0, limits.partitions - 1);
const waitMs = 'How long to wait for minBytes, in milliseconds';

// --- paths

export const topicPath = z.strictObject({ topic: topicName });
export const partitionPath = z.strictObject({ topic: topicName, p: wholeText(0, limits.partitions - 1) });

// --- topics

export const LIST_LIMIT = 1000;

export const listTopicsQuery = z.strictObject({
  after: topicName.optional(),
  limit: wholeText(1, LIST_LIMIT).optional(),
});

export const describeTopicQuery = z.strictObject({
  partitionsFrom: wholeText(0, limits.partitions - 1).optional(),
  partitionsLimit: wholeText(1, limits.fetchPartitions).optional(),
  storage: z
    .literal(['true', 'false'], 'true or false')
    .transform((text) => text === 'true')
    .optional()
    .meta({ override: { type: 'boolean' } }),
});

/** The engine checks the bounds of the partition count and of the configuration: INVALID_PARTITIONS, INVALID_CONFIG. */
const partitionCount = z
  .number(`a whole number from 1 to ${limits.partitions}`)
  .meta({ override: { type: 'integer', minimum: 1, maximum: limits.partitions } });

/** Counts the members of an object before each of them costs something. */
function countMembers(given: unknown, most: number, context: z.RefinementCtx, errorCode?: ErrorCode): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return;
  const { length } = Object.keys(given);
  const message = `at most ${most} members in an object`;
  if (length > most) context.addIssue({ code: 'custom', message, ...(errorCode && { params: { errorCode } }) });
}

/** zod silently drops a key `__proto__` from a record, so it is refused here. The engine refuses any other unknown name. */
function configOf<Value extends z.ZodType>(value: Value) {
  return z.preprocess(
    (config, context) => {
      countMembers(config, limits.topicConfigs, context, 'INVALID_CONFIG');
      if (typeof config === 'object' && config !== null && Object.hasOwn(config, '__proto__'))
        context.addIssue({
          code: 'custom',
          path: ['__proto__'],
          message: 'the name of a topic configuration',
          params: { errorCode: 'INVALID_CONFIG' satisfies ErrorCode },
        });
      return config;
    },
    z.record(z.string(), value),
  );
}

export const createTopicBody = z.strictObject({
  partitions: partitionCount.optional(),
  config: configOf(z.string()).optional(),
});

export const alterTopicBody = z.strictObject({
  partitions: partitionCount.optional(),
  config: configOf(z.string('a string or null').nullable()).optional(),
});

// --- maintenance

export const maintenanceBody = z.strictObject({
  full: z.boolean().optional(),
  dryRun: z.boolean().optional(),
  confirmRetention: z.boolean().optional(),
});

// --- produce

/** lib/json/values.ts checks these values and turns them into bytes. A schema of all JSON would only slow this down. */
const jsonValue = z.unknown().meta({
  description:
    'null; a string; {"type": "json"|"string"|"binary", "data": ...} (binary: base64); or other JSON, stored as its text',
});

const headerList = z.array(z.strictObject({ name: z.string(), value: jsonValue.optional() })).max(limits.recordHeaders);

const headersOf = (given: unknown, context: z.RefinementCtx) => {
  countMembers(given, limits.recordHeaders, context);
  return context.issues.length > 0 ? given : listOfHeaders(given);
};

const headers = z.preprocess(headersOf, headerList).meta({
  override: ({ jsonSchema }) => {
    const list = { ...jsonSchema };
    for (const name of Object.keys(list)) delete jsonSchema[name as keyof typeof jsonSchema];
    jsonSchema.description = 'A list, in which names may repeat and keep their order, or an object of names and values';
    jsonSchema.anyOf = [list, { type: 'object', additionalProperties: true }];
  },
});

const recordFields = {
  key: jsonValue.optional(),
  value: jsonValue.optional(),
  headers: headers.optional(),
  timestamp: whole(0, limits.maxOffset).optional(),
};

const recordsOf = <Record extends z.ZodType>(record: Record) => z.array(record).min(1).max(limits.jsonRecords);

export const produceBody = z.strictObject({
  topicId: topicId.optional(),
  records: recordsOf(z.strictObject({ partition: partition.optional(), ...recordFields })),
});

export const producePartitionBody = z.strictObject({
  topicId: topicId.optional(),
  expectedOffset: offset.optional(),
  records: recordsOf(z.strictObject(recordFields)),
});

export type RecordBody = z.output<typeof produceBody>['records'][number];

/** The query of a request with a binary body. A JSON body has these fields inside. */
export const produceQuery = z.strictObject({ topicId: topicId.optional() });
export const producePartitionQuery = z.strictObject({
  expectedOffset: wholeText(0, limits.maxOffset).optional(),
  topicId: topicId.optional(),
});

/** A comma is not allowed: servers join a repeated header with commas, so a comma could hide two keys. */
export const idempotencyKey = z
  .string()
  .regex(
    new RegExp(`^[!-+\\--~]{1,${limits.idempotencyKeyLength}}$`),
    `one value of 1 to ${limits.idempotencyKeyLength} visible ASCII characters without a comma`,
  )
  .meta({ description: 'Within a day, repeated requests with the same key and the same body append only once' });

// --- fetch

export const fetchBody = z.strictObject({
  topicId: topicId.optional(),
  partitions: z
    .array(z.strictObject({ partition, offset, maxBytes: whole(1, limits.fetchBytes).optional() }))
    .min(1)
    .max(limits.fetchPartitions)
    .superRefine(eachOnce('partition', (one) => one.partition)),
  maxBytes: whole(1, limits.fetchBytes).optional(),
  minBytes: whole(0, limits.fetchBytes).optional(),
  waitMs: whole(0, limits.waitMs).optional().meta({ description: waitMs }),
});

export const fetchPartitionQuery = z
  .strictObject({
    maxBytes: wholeText(1, limits.fetchBytes).optional(),
    offset: wholeText(0, limits.maxOffset).optional(),
    timestamp: wholeText(0, limits.maxOffset).optional(),
    waitMs: wholeText(0, limits.waitMs).optional(),
  })
  .refine((query) => query.offset === undefined || query.timestamp === undefined, {
    error: 'nothing beside offset',
    path: ['timestamp'],
  });

// --- delete records

const deletedOffset = whole(-1, limits.maxOffset).meta({
  description: 'Every record below this offset is deleted. -1 stands for the high watermark',
});

export const deleteRecordsBody = z.strictObject({
  topicId: topicId.optional(),
  partitions: z
    .array(z.strictObject({ partition, offset: deletedOffset }))
    .min(1)
    .max(limits.deleteRecordsPartitions)
    .superRefine(eachOnce('partition', (one) => one.partition)),
});

// --- segments

export const segmentsQuery = z.strictObject({
  from: wholeText(0, limits.maxOffset).optional(),
  limit: wholeText(1, LIST_LIMIT).optional(),
});

export const segmentPath = z.strictObject({
  ...partitionPath.shape,
  offset: wholeText(0, limits.maxOffset),
});

export const segmentQuery = z.strictObject({
  fromByte: wholeText(0, limits.maxOffset).optional(),
  object: z
    .string()
    .regex(/^[\w/-]{1,200}$/, 'the name of an object, as the list of segments gave it')
    .optional()
    .meta({ description: 'If another object has the offset by now, the answer is NOT_FOUND' }),
});

// --- offsets

const AT = 'earliest, latest, maxTimestamp or milliseconds since 1970';
const namedAt = ['earliest', 'latest', 'maxTimestamp'] as const;
const named = (text: string) => namedAt.find((name) => name === text);
const at = z
  .string(AT)
  .refine((text) => named(text) !== undefined || isWhole(text, 0, limits.maxOffset), AT)
  .transform((text) => named(text) ?? Number(text))
  .meta({ override: { type: 'string', pattern: '^(earliest|latest|maxTimestamp|0|[1-9][0-9]{0,15})$' } });

export const partitionRange = z
  .string()
  .refine((text) => rangeOf(text) !== undefined, `a partition or a range a-b, 0 to ${limits.partitions - 1}`)
  .transform((text) => rangeOf(text) ?? [])
  .meta({ override: { type: 'string', pattern: '^[0-9]{1,4}(-[0-9]{1,4})?$' } });

function rangeOf(text: string): number[] | undefined {
  const [first, last = first, ...rest] = text.split('-');
  if (rest.length > 0 || ![first, last].every((end) => end !== undefined && isWhole(end, 0, limits.partitions - 1)))
    return undefined;
  const length = Number(last) - Number(first) + 1;
  return length > 0 ? Array.from({ length }, (_, index) => Number(first) + index) : undefined;
}

export const offsetsQuery = z.strictObject({ at, partitions: partitionRange.optional() });

export const nothing = z.strictObject({});
