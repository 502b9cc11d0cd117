import { readFileSync } from 'node:fs';
import { App, Aws, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { ArnPrincipal, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { describe, expect, test } from 'vitest';
import {
  adminRoutes,
  consumerRoutes,
  deadLetterRoutes,
  exactlyOnceRoutes,
  operatorRoutes,
  producerRoutes,
  type Route,
  resourceOf,
  transactionRoutes,
  viewerRoutes,
} from '../../cdk/access.ts';
import { options } from '../../cdk/config.ts';
import { Rivulet } from '../../cdk/rivulet.ts';
import { newTransactionalId } from '../../client/exactly-once.ts';
import { paths } from '../../client/transport/paths.ts';
import { functionRoutes } from '../../functions/routes.ts';
import { systemClock } from '../../lib/runtime/clock.ts';
import { whyInvalidName } from '../../lib/topic/name.ts';
import { bundles, existingTableStream, resourcesOf } from './synth.ts';

const guide = readFileSync('docs/DEPLOY.md', 'utf8');
const policyOf = (routes: readonly Route[]) => ({
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Action: 'execute-api:Invoke',
      Resource: routes.map((route) => `arn:aws:execute-api:eu-central-1:111122223333:abc123/${resourceOf(route)}`),
    },
  ],
});

describe('docs/DEPLOY.md', () => {
  test.each([
    ['producer', producerRoutes('orders')],
    ['consumer', consumerRoutes('orders', 'billing')],
    ['transactional producer', transactionRoutes('orders-1')],
    ['exactly once', exactlyOnceRoutes('billing')],
    ['operator', operatorRoutes('orders', 'billing')],
    ['dead letters', deadLetterRoutes('orders', 'billing', 'orders-dead')],
    ['viewer', viewerRoutes],
    ['administrator', adminRoutes],
  ])('has the policy of a %s that the construct grants', (name, routes) => {
    const [, json] = new RegExp(`<!-- policy: ${name} -->\n\`\`\`json\n(.*?)\`\`\``, 's').exec(guide)!;
    expect(JSON.parse(json!)).toEqual(policyOf(routes));
  });

  test('lists each option with its default and its allowed values', () => {
    const rows = [...guide.matchAll(/^\| `(\w+)` \| (.*?) ?\| (.*?) \| (.*?) \|$/gm)].map(([, ...cells]) => cells);
    const known = Object.entries(options).map(([name, it]) => [name, String(it.fallback), it.allowed, it.does]);
    expect(rows).toEqual(known);
  });
});

/** Matches as IAM does: `*` stands for anything, including slashes. */
const allows = (routes: readonly Route[], request: string): boolean =>
  routes.some(({ method, path }) =>
    new RegExp(`^${`${method} ${path}`.replace(/[.]/g, '\\.').replaceAll('*', '.*').replaceAll('?', '.')}$`).test(
      request,
    ),
  );

describe('a grant', () => {
  const routes = (granted: readonly Route[]) => granted.map(({ path }) => path);

  test('covers each path that the SDK calls', () => {
    const { produce, producers, topic, fetch, offsets, partitionRecords, heartbeat, groupOffsets } = paths;
    const ofProducer = [topic('orders'), produce('orders'), producers];
    expect(routes(producerRoutes('orders'))).toEqual(expect.arrayContaining(ofProducer));
    const ofConsumer = [topic, fetch, offsets].map((path) => path('orders'));
    const ofMember = [heartbeat, groupOffsets].map((path) => path('billing'));
    const ofOne = partitionRecords('orders', 0).replace('/0/', '/*/');
    expect(routes(consumerRoutes('orders', 'billing'))).toEqual(
      expect.arrayContaining([...ofConsumer, ...ofMember, ofOne]),
    );
  });

  const concrete = (topic: string) =>
    Object.values(functionRoutes)
      .flat()
      .map((key) => key.replace('{topic}', topic).replace('{p}', '0').replace('{group}', 'billing'));
  const allowed = (routes: readonly Route[], topic: string) => concrete(topic).filter((key) => allows(routes, key));

  test('lets a producer write to its topic and describe it', () => {
    expect(allowed(producerRoutes('orders'), 'orders').sort()).toEqual([
      'GET /v1/topics/orders',
      'POST /v1/producers',
      'POST /v1/topics/orders/partitions/0/records',
      'POST /v1/topics/orders/records',
    ]);
  });

  test('lets a consumer read its topic, and alter nothing of it', () => {
    const keys = allowed(consumerRoutes('orders', 'billing'), 'orders').filter((key) => key.includes('/topics'));
    expect(keys.sort()).toEqual([
      'GET /v1/topics/orders',
      'GET /v1/topics/orders/offsets',
      'GET /v1/topics/orders/partitions/0/records',
      'POST /v1/topics/orders/fetch',
    ]);
  });

  test('lets an operator manage topic and group, and move no record', () => {
    const keys = allowed(operatorRoutes('orders', 'billing'), 'orders');
    const segment = 'GET /v1/topics/{topic}/partitions/{p}/segments/{offset}';
    const records = [...functionRoutes.produce, ...functionRoutes.fetch, segment, 'POST /v1/groups/{group}/heartbeat'];
    const managing = concrete('orders').filter((key) =>
      /^(GET|PUT|PATCH|DELETE|POST) \/v1\/(topics|groups|subscriptions)/.test(key),
    );
    const moving = records.map((key) =>
      key.replace('{topic}', 'orders').replace('{p}', '0').replace('{group}', 'billing'),
    );
    expect(keys.sort()).toEqual(
      managing.filter((key) => ![...moving, 'POST /v1/groups/billing/offsets'].includes(key)).sort(),
    );
  });

  test('lets an operator send dead letters to a topic that it is granted, and to no other, whatever their names are', () => {
    const words = ['orders', 'v1', 'topics', 'subscriptions', 'groups'];
    const writes = words.flatMap((letters) =>
      words.flatMap((topic) =>
        words.flatMap((group) =>
          ['PUT', 'PATCH'].map((method) => `${method} ${paths.deadLetters(letters, topic, group)}`),
        ),
      ),
    );
    const operates = words.flatMap((topic) => words.flatMap((group) => [...operatorRoutes(topic, group)]));
    const byHand = words.map((topic) => ({ method: '*', path: `/v1/topics/${topic}/*` }));
    expect(writes.filter((key) => allows([...operates, ...byHand], key))).toEqual([]);
    const granted = deadLetterRoutes('orders', 'billing', 'orders-dead');
    const key = (letters: string) => `PUT ${paths.deadLetters(letters, 'orders', 'billing')}`;
    expect(['orders-dead', 'orders-dead2', 'payments'].filter((letters) => allows(granted, key(letters)))).toEqual([
      'orders-dead',
    ]);
    expect(allowed(granted, 'orders')).toEqual([]);
  });

  test('lets a viewer see everything, and change nothing', () => {
    const keys = allowed(viewerRoutes, 'orders');
    const seeing = concrete('orders').filter((key) => key.startsWith('GET ') || key.endsWith('/fetch'));
    expect(keys).toEqual(seeing);
  });

  test.each(['payments', 'orders2', 'orders-secret', 'my.orders'])(
    'of topic orders does not touch the topic %s',
    (other) => {
      const shared = ['POST /v1/producers'];
      const both = [...producerRoutes('orders'), ...consumerRoutes('orders', 'billing')];
      const reached = allowed(both, other).filter((key) => key.includes(other));
      expect(reached).toEqual([]);
      expect(allowed(producerRoutes('orders'), other)).toEqual(shared);
    },
  );

  test('lets a transactional producer begin and end its transactions, and nobody elses', () => {
    const steps = (id: string) =>
      ['init', 'commit', 'abort', 'force-abort'].map((step) => `POST ${paths.transaction(id)}/${step}`);
    const reached = (routes: readonly Route[], id: string) => steps(id).filter((key) => allows(routes, key));
    const own = transactionRoutes('orders-1');
    expect(reached(own, 'orders-1')).toEqual(steps('orders-1').slice(0, 3));
    expect(reached(own, 'orders-11')).toEqual([]);
    expect(allowed(own, 'orders')).toEqual([]);
  });

  test('lets exactlyOnce use the ids that it makes, and no id of a group with a longer name', () => {
    const init = (group: string) => `POST ${paths.transaction(newTransactionalId(group, systemClock))}/init`;
    expect(allows(exactlyOnceRoutes('billing'), init('billing'))).toBe(true);
    expect(allows(exactlyOnceRoutes('billing'), init('billing-secret'))).toBe(false);
    expect(allows(exactlyOnceRoutes('billing'), init('other'))).toBe(false);
  });

  test('lets exactlyOnce use no id that somebody has made by hand, whatever its length', () => {
    const { length } = newTransactionalId('billing', systemClock);
    const ids = ['billing-', 'billing.', 'billing.exactly.'].map((start) => start.padEnd(length, 'x'));
    expect(ids.filter((id) => allows(exactlyOnceRoutes('billing'), `POST ${paths.transaction(id)}/init`))).toEqual([]);
  });

  test('refuses a group whose name leaves no room for the ids of exactlyOnce, as the SDK does', () => {
    const longest = 'g'.repeat(249 - newTransactionalId('', systemClock).length);
    expect(whyInvalidName(newTransactionalId(longest, systemClock))).toBeUndefined();
    expect(exactlyOnceRoutes(longest)).toHaveLength(3);
    const refusal = /group(Id)?: expected at most 217 characters, .* got ["']g{218}["'] with 218$/;
    expect(() => newTransactionalId(`${longest}g`, systemClock)).toThrow(refusal);
    expect(() => exactlyOnceRoutes(`${longest}g`)).toThrow(refusal);
  });

  test.each(['orders*', '*', 'a/b', '', '..', '__consumer_offsets'])(
    'refuses the topic or group %j, which is not a whole name',
    (name) => {
      expect(() => producerRoutes(name)).toThrow(/^topic: /);
      expect(() => consumerRoutes('orders', name)).toThrow(/^group: /);
      expect(() => exactlyOnceRoutes(name)).toThrow(/^group: /);
      expect(() => transactionRoutes(name)).toThrow(/^transactionalId: /);
      expect(() => deadLetterRoutes('orders', 'billing', name)).toThrow(/^deadLetterTopic: /);
    },
  );
});

test('the construct writes each grant into the policy of the grantee', () => {
  const stack = new Stack(new App(), 'Shop');
  const rivulet = new Rivulet(stack, 'Events', { bundles });
  const role = new Role(stack, 'Orders', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  rivulet.grantProduce(role, 'orders');
  rivulet.grantConsume(role, 'returns', 'billing');
  rivulet.grantTransact(role, 'orders-1');
  rivulet.grantExactlyOnce(role, 'billing');
  rivulet.grantOperate(role, 'returns', 'billing');
  rivulet.grantDeadLetters(role, 'returns', 'billing', 'returns-dead');
  rivulet.grantView(role);
  rivulet.grantAdmin(role);
  const policies = resourcesOf(Template.fromStack(stack), 'AWS::IAM::Policy');
  const [, policy] = policies.find(([id]) => id.startsWith('OrdersDefaultPolicy'))!;
  const text = JSON.stringify(policy.Properties.PolicyDocument);
  const granted = [
    producerRoutes('orders'),
    consumerRoutes('returns', 'billing'),
    transactionRoutes('orders-1'),
    exactlyOnceRoutes('billing'),
    operatorRoutes('returns', 'billing'),
    deadLetterRoutes('returns', 'billing', 'returns-dead'),
    viewerRoutes,
    adminRoutes,
  ].flat();
  for (const route of granted) expect(text).toContain(`/${resourceOf(route)}"`);
});

describe('a grant that would have no effect is refused', () => {
  const roleOf = (account: string) => `arn:aws:iam::${account}:role/Orders`;
  const api = '111122223333';
  const inAccount = (account?: string) => {
    const stack = new Stack(
      new App(),
      'Shop',
      account === undefined ? {} : { env: { account, region: 'eu-central-1' } },
    );
    return { stack, rivulet: new Rivulet(stack, 'Events', { bundles }) };
  };
  const policies = (stack: Stack) => JSON.stringify(resourcesOf(Template.fromStack(stack), 'AWS::IAM::Policy'));

  test('to a role of another account, imported or made in its stack', () => {
    const { stack, rivulet } = inAccount(api);
    const other = new Stack(stack.node.root as App, 'Other', {
      env: { account: '444455556666', region: 'eu-central-1' },
    });
    const made = new Role(other, 'Orders', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    for (const role of [Role.fromRoleArn(stack, 'Imported', roleOf('444455556666')), made])
      for (const grant of [
        () => rivulet.grantProduce(role, 'orders'),
        () => rivulet.grantConsume(role, 'orders', 'billing'),
        () => rivulet.grantOperate(role, 'orders', 'billing'),
        () => rivulet.grantAdmin(role),
      ])
        expect(grant).toThrow(
          'grantee: expected a principal of account 111122223333, where the API is, got one of account 444455556666: let it assume a role in 111122223333',
        );
  });

  test('to what has no policy of its own', () => {
    const { rivulet } = inAccount(api);
    for (const principal of [new ServicePrincipal('lambda.amazonaws.com'), new ArnPrincipal(roleOf(api))])
      expect(() => rivulet.grantAdmin(principal)).toThrow(/^grantee: expected a role, a user or a group/);
  });

  test('but one to an imported role of the same account has one, and accounts that are not known are let through', () => {
    for (const [account, ofRole] of [
      [api, api],
      [undefined, '444455556666'],
      [api, Aws.ACCOUNT_ID],
    ] as const) {
      const { stack, rivulet } = inAccount(account);
      rivulet.grantProduce(Role.fromRoleArn(stack, 'Imported', roleOf(ofRole)), 'orders');
      expect(policies(stack)).toContain('POST/v1/topics/orders/records');
    }
  });
});

test('the construct can use a restored table', () => {
  const restoredTable = { service: 'dynamodb', resource: 'table', resourceName: 'restored' };
  const stack = new Stack(new App(), 'Shop');
  new Rivulet(stack, 'Events', { bundles, existingTable: 'restored', existingTableStream });
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::DynamoDB::Table', 1);
  for (const [, { Properties }] of resourcesOf(template, 'AWS::Lambda::Function'))
    expect(Properties.Environment).toMatchObject({ Variables: { TABLE: 'restored' } });
  template.hasResourceProperties('AWS::Lambda::Function', {
    Environment: { Variables: { TABLE_ARN: stack.resolve(stack.formatArn(restoredTable)) } },
  });
});
