// The id of the cluster that Kafka's clients see. It is made once for a table, whichever process asks first: clients refuse to
// go on with a cluster whose id has changed.
import type { Clock } from '../runtime/clock.ts';
import { clusterIdKey, itemVersion } from './keys.ts';
import { absent, type Table } from './table.ts';

const idBytes = 16;

export async function clusterIdOf(table: Table, clock: Pick<Clock, 'randomBytes'>): Promise<string> {
  const made = await table.get(clusterIdKey, { strong: true });
  if (made) return made.id as string;
  const id = Buffer.from(clock.randomBytes(idBytes)).toString('base64url');
  const notMade = absent('v');
  const result = await table.write({ kind: 'put', item: { ...clusterIdKey, v: itemVersion, id }, if: notMade });
  return result.applied ? id : (result.old!.id as string);
}
