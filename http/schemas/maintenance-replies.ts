// The zod schemas of the replies of maintenance.
import * as z from 'zod';
import { offset, partition, timestamp } from './replies.ts';

const count = z.int().min(0);

const counts = z.strictObject({
  mergedRecords: count,
  mergedBytes: count,
  joinedBytes: count,
  expiredRecords: count,
  expiredBytes: count,
  compactedRecords: count,
  compactedBytes: count,
  writtenObjects: count,
  sweptObjects: count,
  sweptBytes: count,
});

const requests = z.strictObject({
  s3Put: count,
  s3Get: count,
  s3List: count,
  s3Delete: count,
  readUnits: z.number().min(0),
  writeUnits: count,
});

const damage = z.strictObject({ topic: z.string(), partition, offset, reason: z.string() });

const report = z
  .strictObject({
    counts,
    partitions: count,
    damaged: count,
    damage: z.array(damage),
    missingObjects: count,
    notes: z.array(z.string()),
    requests,
    usd: z.number().min(0),
    durationMs: count,
  })
  .meta({ id: 'MaintenanceReport', description: '`usd` is the list price of the requests' });

export const maintenancePass = z
  .strictObject({
    passId: z.string(),
    state: z.enum(['requested', 'running', 'done', 'failed']),
    full: z.boolean(),
    dryRun: z.boolean(),
    confirmRetention: z.boolean(),
    requestedAt: timestamp,
    progressAt: timestamp,
    donePartitions: count,
    partitions: count,
    reason: z.string().optional(),
    report: report.optional(),
  })
  .meta({ id: 'MaintenancePass', description: 'A pass that has just been requested has the report of the one before' });
