// The commands, declared. One file per command group, each only declaring its commands until one of them runs: the SDK and the
// service are loaded by the command that needs them, so that `rivulet --help` is instant.
import { Command, Option } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addAudit } from './audit.ts';
import { addConsume } from './consume.ts';
import { addGroups } from './groups.ts';
import { addOffsets } from './offsets.ts';
import { addProduce } from './produce.ts';
import { addServe } from './serve.ts';
import { addTopics } from './topics.ts';

const examples = `
Examples:
  rivulet serve                                  a service of your own, on this machine
  rivulet topics create orders --partitions 3
  echo 'hello' | rivulet produce orders
  rivulet consume orders --from-beginning
Inside the repository, where it is not installed, \`rivulet\` is \`npx rivulet\`.

Credentials: a service on this machine takes local/local; elsewhere the AWS chain applies (environment, profile, role).
RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY come before both.

Exit codes: 0 done, 1 failed, 2 wrong usage; 130, 143 and 129 when SIGINT (Ctrl-C), SIGTERM or SIGHUP ended consume or produce,
which finish first: a second signal does not wait. serve ends in order with 0.`;

/** Where Kafka's tools have a flag for what is said otherwise here. */
const hints: Readonly<Record<string, string>> = {
  '--bootstrap-server': 'the service is named by --url, or RIVULET_URL',
  '--list': 'it is a command here: `rivulet topics list`, `rivulet groups list`',
  '--describe': 'it is a command here: `rivulet topics describe`, `rivulet groups describe`',
};

function withHint(text: string): string {
  const [, flag = ''] = /unknown option '([^']+)'/.exec(text) ?? [];
  return hints[flag] ? `rivulet: unknown option '${flag}': ${hints[flag]}\n` : text;
}

export function program(): Command {
  const rivulet = new Command('rivulet')
    .description('Kafka without brokers: topics on S3, DynamoDB and Lambda, or on this machine')
    .version(packageJson.version)
    .addOption(new Option('--url <url>', 'the service to talk to').env('RIVULET_URL').default('http://127.0.0.1:9292'))
    .option('--region <region>', 'to sign for, where the URL does not tell; else AWS_REGION, but not on this machine')
    .addHelpText('after', examples)
    .configureOutput({ outputError: (text, write) => write(withHint(text.replace(/^error: /, 'rivulet: '))) })
    .showSuggestionAfterError()
    .exitOverride();
  for (const add of [addServe, addTopics, addProduce, addConsume, addOffsets, addGroups, addAudit]) add(rivulet);
  return rivulet;
}
