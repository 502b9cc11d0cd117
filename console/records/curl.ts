// The curl command that reads one record from the service itself. It names the variables of the credentials and never their
// values: the console does not know them.
import { paths } from '../../client/transport/paths.ts';
import { shellWord } from '../data/command-lines.ts';
import type { Connected } from '../data/queries.ts';
import type { Row } from './row.ts';

export function curlOf({ url, region, identity }: Connected, topic: string, { partition, offset }: Row): string {
  const target = `${url}${paths.partitionRecords(topic, partition)}?maxBytes=1&offset=${offset}`;
  const user = identity === 'local/local' ? 'local:local' : '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"';
  return `curl --aws-sigv4 ${shellWord(`aws:amz:${region}:execute-api`)} --user ${user} ${shellWord(target)}`;
}
