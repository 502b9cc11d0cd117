// The package that `npm run pack` makes, as a user has it. The test installs it into an empty CDK app and deploys that app,
// and users of the app try what its grants allow.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { Rivulet } from '../../client/rivulet.ts';
import { deploy } from '../../tools/emulator/cdk.ts';
import { type AccessKey, createKey } from '../../tools/emulator/identities.ts';
import { packAll, projectWith } from '../tools/pack/packages.ts';
import { onEmulator } from './resources.ts';

const app = `
  const { App, CfnOutput, Stack } = require('aws-cdk-lib');
  const { User } = require('aws-cdk-lib/aws-iam');
  const { Rivulet } = require('rivulet-cdk');
  const app = new App();
  const stack = new Stack(app, 'Shop');
  const events = new Rivulet(stack, 'Events', { name: 'Shop', throwAway: true });
  const newUser = (name) => {
    const user = new User(stack, name);
    new CfnOutput(stack, name + 'Name', { value: user.userName });
    return user;
  };
  events.grantProduce(newUser('Orders'), 'orders');
  events.grantConsume(newUser('Billing'), 'orders', 'billing');
  events.grantAdmin(newUser('Operator'));
  new CfnOutput(stack, 'Url', { value: events.url });
`;

await onEmulator(({ endpoint }) => {
  let url: string;
  const keys: Record<string, AccessKey> = {};
  beforeAll(async () => {
    const project = await projectWith(join(await packAll(), 'cdk'), ['aws-cdk-lib', 'constructs']);
    const file = join(project, 'app.cjs');
    writeFileSync(file, app);
    const outputs = (await deploy({ endpoint, app: `${process.execPath} ${file}` })).Shop!;
    url = outputs.Url!;
    for (const user of ['Orders', 'Billing', 'Operator'])
      keys[user] = await createKey(endpoint, outputs[`${user}Name`]!);
  }, 300_000);

  const as = (user: string) => new Rivulet({ url, credentials: keys[user]! });

  const messages = [{ key: 'ada', value: 'espresso' }];
  const forbidden = { errorCode: 'FORBIDDEN' };

  async function firstOf(user: string, topic: string): Promise<string> {
    const consumer = as(user).consumer({ autoOffsetReset: 'earliest' });
    consumer.assign([{ topic, partition: 0 }]);
    for await (const { value } of consumer) return String(value);
    throw new Error('the consumer ended');
  }

  test('its construct deploys, and each user may do what was granted and nothing else', async () => {
    const topics = ['orders', 'payments'].map((topic) => ({ topic, partitions: 1 }));
    await as('Operator').admin().createTopics({ topics });
    for (const { topic } of topics) await as('Operator').producer().send({ topic, messages });

    expect(await as('Orders').producer().send({ topic: 'orders', messages })).toMatchObject([{ offset: 1 }]);
    await expect(as('Orders').producer().send({ topic: 'payments', messages })).rejects.toMatchObject(forbidden);
    await expect(firstOf('Orders', 'orders')).rejects.toMatchObject(forbidden);

    expect(await firstOf('Billing', 'orders')).toBe('espresso');
    await expect(firstOf('Billing', 'payments')).rejects.toMatchObject(forbidden);
    await expect(as('Billing').producer().send({ topic: 'orders', messages })).rejects.toMatchObject(forbidden);
    await expect(
      as('Billing')
        .admin()
        .deleteTopics({ topics: ['orders'] }),
    ).rejects.toMatchObject(forbidden);
  });
});
