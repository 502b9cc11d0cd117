// `rivulet kafka users ...` keeps the file of users for Kafka's clients, and `rivulet kafka token --cluster <name>` makes a token of an
// IAM identity. Neither talks to the service: it reads the file again when it has changed.
import { randomUUID } from 'node:crypto';
import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { notEmpty } from './options.ts';
import { printJson, printLine } from './output.ts';
import { readPassword } from './password.ts';

const userExamples = `
Examples:
  rivulet kafka users add ada --file users.json          asks for the password
  rivulet kafka users add ada --file users.json < secret.txt
  rivulet kafka users list --file users.json
  rivulet serve --kafka-users users.json --kafka-tls-cert cert.pem --kafka-tls-key key.pem`;

const tokenExamples = `
The token says who you are by the AWS credential chain. It is good for 15 minutes, for the one cluster that it names.

Examples:
  rivulet kafka token --cluster orders --region eu-west-1
  rivulet kafka token --cluster orders --region eu-west-1 --json      with the time when it expires`;

export function addKafkaAccess(kafka: Command): void {
  const users = kafka.command('users').description("add, list and remove users of Kafka's clients");
  const file = ['--file <file>', 'the users file', notEmpty] as const;
  users
    .command('add')
    .description(
      'add a user, or give one another password; the password comes from the terminal or from standard input',
    )
    .argument('<user>')
    .requiredOption(...file)
    .action(add);
  users
    .command('list')
    .description('list the users')
    .requiredOption(...file)
    .option('--json', 'print JSON')
    .action(list);
  users
    .command('remove')
    .description('remove a user: connections of the user end at their next request')
    .argument('<user>')
    .requiredOption(...file)
    .action(remove);
  users.addHelpText('after', userExamples);
  kafka
    .command('token')
    .description('make a token for OAUTHBEARER from your AWS credentials')
    .requiredOption('--cluster <name>', 'the name that the service has in --kafka-sts-cluster', notEmpty)
    .option('--region <region>', 'the region that the service asks; default AWS_REGION', notEmpty)
    .option('--json', 'print JSON')
    .addHelpText('after', tokenExamples)
    .action(token);
}

type FileOption = { file: string };

async function add(user: string, { file }: FileOption): Promise<void> {
  const { withUser } = await import('../kafka/auth/sasl/users.ts');
  const before = await textOf(file);
  await replace(file, await withUser(before, user, await readPassword(`Password of ${user}: `)));
  printLine(`${file} has the user ${user}`);
}

async function list({ file, json }: FileOption & { json?: boolean }): Promise<void> {
  const { userNames } = await import('../kafka/auth/sasl/users.ts');
  const users = userNames(await existing(file));
  if (json) printJson({ users });
  else for (const user of users) printLine(user);
}

async function remove(user: string, { file }: FileOption): Promise<void> {
  const { withoutUser } = await import('../kafka/auth/sasl/users.ts');
  await replace(file, withoutUser(await existing(file), user));
  printLine(`${file} no longer has the user ${user}`);
}

/** Undefined if there is no such file. */
async function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Error(`--file ${file}: it cannot be read (${error.code})`, { cause: error });
  });
}

async function existing(file: string): Promise<string> {
  const text = await textOf(file);
  if (text === undefined) throw new Error(`--file ${file}: there is no such file`);
  return text;
}

/** A service that reads the file meanwhile finds the old one or the new one. Only its owner may read it. */
async function replace(file: string, text: string): Promise<void> {
  const next = `${file}.${randomUUID()}`;
  try {
    await writeFile(next, text, { mode: 0o600, flag: 'wx' });
    await chmod(next, 0o600);
    await rename(next, file);
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
}

type TokenOptions = { cluster: string; region?: string; json?: boolean };

async function token(_: TokenOptions, command: Command): Promise<void> {
  // The program has an option of this name too.
  const { cluster, region = process.env.AWS_REGION, json } = command.optsWithGlobals<TokenOptions>();
  if (!region) throw new Error('--region: expected the region of the service, here or in AWS_REGION, got none');
  const [{ checkRegion, stsToken }, { defaultProvider }] = await Promise.all([
    import('../kafka/auth/sasl/sts.ts'),
    import('@aws-sdk/credential-provider-node'),
  ]);
  checkRegion(region);
  const credentials = await defaultProvider()();
  const made = stsToken({ region, cluster, credentials, nowMs: Date.now() });
  if (json) printJson({ token: made.token, expiresAt: new Date(made.expiresAtMs).toISOString() });
  else printLine(made.token);
}
