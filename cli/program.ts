// This file declares the commands. Each command group has one file, which only declares its commands until one of them runs.
// A command loads the SDK or the service only when it needs it, so that `rivulet --help` is instant.
import { Command, Option } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { addAudit } from './audit.ts';
import { addBench } from './bench.ts';
import { addCompletion } from './completion.ts';
import { addConsole } from './console.ts';
import { addConsume } from './consume.ts';
import { addGroups } from './groups.ts';
import { addKafka } from './kafka.ts';
import { addMaintain } from './maintain.ts';
import { addOffsets } from './offsets.ts';
import { notEmpty } from './options.ts';
import { addProduce } from './produce.ts';
import { addServe } from './serve.ts';
import { addSubscriptions } from './subscriptions.ts';
import { addTopics } from './topics.ts';
import { addTransactions } from './transactions.ts';

const examples = `
Examples:
  rivulet serve                                  run a service on this machine
  rivulet topics create orders --partitions 3
  echo 'hello' | rivulet produce orders
  rivulet consume orders --from-beginning
Inside the repository, write \`npx rivulet\` instead of \`rivulet\`.

Credentials: a service on this machine takes local/local. Elsewhere the AWS chain applies (environment, profile, role).
RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY come before both, and --profile before everything.

Exit codes: 0 done, 1 failed, 2 wrong usage. When SIGINT (Ctrl-C), SIGTERM or SIGHUP ends consume or produce, the code is
130, 143 or 129. Both finish their work first, and a second signal ends them immediately. serve ends in order with 0.`;

/** Hints for flags of Kafka's tools that have another form here. */
const hints: Readonly<Record<string, string>> = {
  '--bootstrap-server': 'the service is named by --url, or RIVULET_URL',
  '--list': 'this is a command here: `rivulet topics list`, `rivulet groups list`',
  '--describe': 'this is a command here: `rivulet topics describe`, `rivulet groups describe`',
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
    .option(
      '--region <region>',
      'the region to sign for, if the URL does not name it; default AWS_REGION, but us-east-1 for this machine',
    )
    .addOption(new Option('--profile <name>', 'take the credentials of this AWS profile').argParser(notEmpty))
    .addHelpText('after', examples)
    .configureOutput({ outputError: (text, write) => write(withHint(text.replace(/^error: /, 'rivulet: '))) })
    .showSuggestionAfterError()
    .exitOverride();
  for (const add of [
    addServe,
    addConsole,
    addKafka,
    addTopics,
    addProduce,
    addConsume,
    addOffsets,
    addGroups,
    addSubscriptions,
    addTransactions,
    addMaintain,
    addAudit,
    addBench,
    addCompletion,
  ])
    add(rivulet);
  return rivulet;
}
