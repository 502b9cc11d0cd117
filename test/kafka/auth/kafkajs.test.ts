// A real client, unchanged, over TLS: KafkaJS authenticates in each way that it knows, and sees what the rules let it see.
import { generateKeyPairSync } from 'node:crypto';
import { exportJWK, SignJWT } from 'jose';
import { Kafka, type KafkaConfig, logLevel, Partitioners, type SASLOptions } from 'kafkajs';
import { expect, test } from 'vitest';
import { withUser } from '../../../kafka/auth/sasl/users.ts';
import { startService } from '../service.ts';
import { newFile, newRoot } from './certificates.ts';

const audience = 'rivulet';
const issuer = 'https://issuer.example';

async function startSecure() {
  const root = await newRoot();
  const { cert, key } = await root.sign('CN=localhost');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  const keys = newFile(JSON.stringify({ keys: [{ ...(await exportJWK(rsa.publicKey)), kid: 'r' }] }));
  const rules = [{ principals: ['ada'], operations: ['ALL'], topics: ['orders'], groupPrefixes: ['app-'] }];
  const service = await startService({
    security: {
      tls: { certFile: newFile(cert), keyFile: newFile(key) },
      usersFile: newFile(await withUser(undefined, 'ada', 'a secret')),
      oauth: { issuer, audience, keys },
      rulesFile: newFile(JSON.stringify({ version: 1, rules })),
    },
  });
  await service.engine.createTopic({ topic: 'secret' });
  const tokenOf = (subject: string) =>
    new SignJWT({ sub: subject, iss: issuer, aud: audience })
      .setProtectedHeader({ alg: 'RS256', kid: 'r' })
      .setExpirationTime('5m')
      .sign(rsa.privateKey);
  const kafkaWith = (sasl: SASLOptions, terms: Partial<KafkaConfig> = {}) => {
    const brokers = [`127.0.0.1:${service.port}`];
    const retry = { retries: 1, initialRetryTime: 10 };
    return new Kafka({ brokers, sasl, ssl: { ca: root.cert }, logLevel: logLevel.NOTHING, retry, ...terms });
  };
  return { service, kafkaWith, tokenOf };
}

test('KafkaJS authenticates by password and by token, and does what the rules allow', async () => {
  const { kafkaWith, tokenOf } = await startSecure();
  const known = { username: 'ada', password: 'a secret' };
  const ways: SASLOptions[] = [
    { mechanism: 'plain', ...known },
    { mechanism: 'scram-sha-256', ...known },
    { mechanism: 'scram-sha-512', ...known },
    { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: await tokenOf('ada') }) },
  ];
  for (const sasl of ways) {
    const kafka = kafkaWith(sasl);
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic: 'orders', messages: [{ value: sasl.mechanism }] });
    await expect(producer.send({ topic: 'secret', messages: [{ value: 'x' }] })).rejects.toThrow(/[Nn]ot authorized/);
    await producer.disconnect();
  }
  const kafka = kafkaWith(ways[1]!);
  const admin = kafka.admin();
  await admin.connect();
  expect(await admin.listTopics()).toEqual(['orders']);
  expect(await admin.fetchTopicOffsets('orders')).toMatchObject([{ high: '4' }]);
  await admin.disconnect();

  const consumer = kafka.consumer({ groupId: 'app-1' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'orders', fromBeginning: true });
  const values = await new Promise<string[]>((resolve) => {
    const seen: string[] = [];
    void consumer.run({
      eachMessage: async ({ message }) => {
        if (seen.push(String(message.value)) === ways.length) resolve(seen);
      },
    });
  });
  expect(values).toEqual(ways.map(({ mechanism }) => mechanism));
  await consumer.disconnect();
});

test('KafkaJS is told why it does not get in', async () => {
  const { service, kafkaWith, tokenOf } = await startSecure();
  const refused = async (sasl: SASLOptions | undefined, terms: Partial<KafkaConfig> = {}) => {
    const admin = kafkaWith(sasl!, terms).admin();
    await expect(admin.connect()).rejects.toThrow();
  };
  await refused({ mechanism: 'plain', username: 'ada', password: 'a guess' });
  expect(service.failures.at(-1)).toBe('wrong user or password');
  await refused({ mechanism: 'scram-sha-512', username: 'eve', password: 'a guess' });
  await refused({ mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: `${await tokenOf('ada')}x` }) });
  expect(service.failures.at(-1)).toMatch(/token refused/);
  await refused(undefined, { ssl: false });
});
