// Checks the names of groups and members. A group id is any text, as in Kafka. A member id is made by its client.

import { limits } from '../api/limits.ts';
import { refused } from '../api/refusal.ts';
import { whyInvalidName } from '../topic/name.ts';

/** Throws INVALID_GROUP_ID with the reason. */
export function checkGroupId(groupId: string): void {
  const bytes = Buffer.byteLength(groupId);
  if (bytes === 0 || bytes > limits.nameLength)
    throw refused('INVALID_GROUP_ID', `group id: expected 1 to ${limits.nameLength} bytes, got ${bytes}`);
  if (!groupId.isWellFormed())
    throw refused('INVALID_GROUP_ID', 'group id: expected whole characters, got half of a surrogate pair');
}

/** The same for HTTP and the command line, where a group id follows the rule of topic names. */
export function checkPlainGroupId(groupId: string): void {
  const reason = whyInvalidName(groupId);
  if (reason) throw refused('INVALID_GROUP_ID', `group id ${JSON.stringify(groupId.slice(0, 300))} ${reason}`);
}

/** Java's clients make ids of base64url, and librdkafka's of base64. */
export function checkMemberId(memberId: string): void {
  if (/^[A-Za-z0-9._+/=-]+$/.test(memberId) && memberId.length <= limits.memberIdLength) return;
  throw refused(
    'INVALID_REQUEST',
    `memberId: expected 1 to ${limits.memberIdLength} ASCII letters, digits and any of . _ + / = -, got ${JSON.stringify(memberId.slice(0, 100))}`,
  );
}
