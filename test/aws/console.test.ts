// The console in front of the deployed stacks, in a real browser: `rivulet console` signs with the credentials of a user, and the
// gateway enforces the user's policy. A refused action shows the line of policy that is missing, and works once the user has it.
import { IAMClient, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { adminRoutes, type Route, viewerRoutes } from '../../cdk/access.ts';
import { Rivulet } from '../../client/rivulet.ts';
import { clientOptions } from '../../tools/emulator/endpoint.ts';
import { type AccessKey, createUser, policyFor } from '../../tools/emulator/identities.ts';
import { run } from '../cli/processes.ts';
import { freshName } from '../conformance/target.ts';
import { reasonToSkip, rowsOf, startBrowser, startProxy } from '../console/browser.ts';
import { onDeployment } from './resources.ts';

const slow = { timeout: 60_000 };

await onDeployment(({ endpoint, url }) => {
  describe.skipIf(reasonToSkip)('rivulet console in front of the deployed stacks', () => {
    const openAt = startBrowser();
    const [topic, group] = [freshName(), freshName()];
    let operator: AccessKey;
    let rivulet: Rivulet;

    beforeAll(async () => {
      operator = await newUser(freshName(), adminRoutes);
      rivulet = new Rivulet({ url, credentials: operator });
      await rivulet.admin().createTopics({ topics: [{ topic, partitions: 2 }] });
      const messages = ['one', 'two', 'three'].map((value) => ({ key: 'k', value, partition: 1 }));
      await rivulet.producer().send({ topic, messages });
      await rivulet.admin().setOffsets({ groupId: group, topic, partitions: [{ partition: 1, offset: 1 }] });
    });

    const newUser = (name: string, routes: readonly Route[]) =>
      createUser(endpoint, name, policyFor(endpoint, url, routes));
    const environmentOf = ({ accessKeyId, secretAccessKey }: AccessKey) => ({
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      NODE_EXTRA_CA_CERTS: endpoint.certificateFile!,
    });
    const consoleOf = async (key: AccessKey) => {
      const address = await startProxy(url, environmentOf(key));
      return (path: string): Promise<Page> => openAt(address, path);
    };
    /** Returns what the command line prints for the operator. */
    const cli = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await run([...args, '--url', url], { environment: environmentOf(operator) });
      if (code !== 0) throw new Error(`rivulet ${args.join(' ')} ended with ${code}: ${stderr}`);
      return stdout;
    };

    async function allow(UserName: string, PolicyDocument: string): Promise<void> {
      const iam = new IAMClient(clientOptions(endpoint));
      await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'shown', PolicyDocument }));
      iam.destroy();
    }

    /** Waits for a refusal, and returns the line of policy that the page shows. */
    async function lineIn(page: Page): Promise<{ Action: string; Resource: string }> {
      const problem = page.getByRole('alert').filter({ hasText: 'FORBIDDEN' });
      await problem.filter({ hasText: 'outcome not-written' }).waitFor(slow);
      return JSON.parse((await problem.locator('pre').textContent())!) as { Action: string; Resource: string };
    }

    test('a user who may only read sees every page', { timeout: 300_000 }, async () => {
      const open = await consoleOf(await newUser(freshName(), viewerRoutes));
      const page = await open(`/topics/${topic}?partitions=1`);
      await page.getByRole('region', { name: 'Records' }).waitFor(slow);
      const printed = await cli('consume', topic, '--from-beginning', '--max-messages', '3', '--partition', '1');
      const values = (await rowsOf(page, 'Records')).map((row) => row[4]);
      expect(values.reverse()).toEqual(printed.trim().split('\n'));
      const described = JSON.parse(await cli('groups', 'describe', group, '-o', 'json')) as { state: string };
      const pages: readonly (readonly [path: string, shown: string])[] = [
        ['/', 'Service'],
        ['/topics', topic],
        [`/topics/${topic}/partitions`, 'Earliest'],
        [`/topics/${topic}/configuration`, 'retention.ms'],
        [`/topics/${topic}/storage?partition=1`, 'log segment'],
        ['/groups', group],
        [`/groups/${group}`, described.state],
        ['/subscriptions', 'Create a subscription'],
        ['/transactions', 'rivulet transactions list --all'],
        ['/settings', url],
      ];
      for (const [path, shown] of pages) {
        await page.goto(new URL(`/console${path}`, page.url()).href);
        await page.getByText(shown).first().waitFor(slow);
        expect([path, await page.getByRole('alert').count()]).toEqual([path, 0]);
      }
    });

    type Action = readonly [what: string, path: string, act: (page: Page) => Promise<void>, missing: string];
    const dialogOf = (page: Page) => page.getByRole('dialog');
    const actions: readonly Action[] = [
      [
        'produce',
        `/topics/${topic}/produce`,
        (page) => page.getByRole('button', { name: 'Produce', exact: true }).click(),
        'POST/v1/producers',
      ],
      [
        'create a topic',
        '/topics',
        async (page) => {
          await page.getByRole('button', { name: 'Create a topic' }).click();
          await dialogOf(page).getByLabel('Name').fill(`${topic}-new`);
          await dialogOf(page).getByRole('button', { name: 'Create', exact: true }).click();
        },
        `PUT/v1/topics/${topic}-new`,
      ],
      [
        'delete a topic',
        '/topics',
        async (page) => {
          await page.getByRole('row', { name: topic }).first().getByRole('button').click();
          await page.getByRole('button', { name: 'Delete' }).click();
          await dialogOf(page).getByLabel('Type the name').fill(topic);
          await dialogOf(page).getByRole('button', { name: 'Delete', exact: true }).click();
        },
        `DELETE/v1/topics/${topic}`,
      ],
      [
        'reset offsets',
        `/groups/${group}`,
        async (page) => {
          await page.getByRole('button', { name: 'Reset offsets' }).click();
          await dialogOf(page).getByRole('button', { name: 'Preview' }).click();
        },
        `POST/v1/groups/${group}/offsets/reset`,
      ],
    ];

    test('its other actions are refused, with the line of policy that is missing', { timeout: 300_000 }, async () => {
      const open = await consoleOf(await newUser(freshName(), viewerRoutes));
      const before = await cli('offsets', topic);
      for (const [what, path, act, missing] of actions) {
        const page = await open(path);
        await act(page);
        const { Action, Resource } = await lineIn(page);
        const [apiId] = new URL(url).hostname.split('.');
        const resource = `arn:aws:execute-api:us-east-1:*:${apiId}/$default/${missing}`;
        expect([what, Action, Resource]).toEqual([what, 'execute-api:Invoke', resource]);
      }
      expect(await cli('offsets', topic)).toBe(before);
      expect(await cli('topics', 'list')).toContain(topic);
    });

    test('with the lines that were shown, the action works', { timeout: 300_000 }, async () => {
      const name = freshName();
      const open = await consoleOf(await newUser(name, viewerRoutes));
      const page = await open(`/topics/${topic}/produce`);
      await page.getByLabel('Key', { exact: true }).fill('allowed');
      const produce = () => page.getByRole('button', { name: 'Produce', exact: true }).click();
      const Statement: object[] = [];
      // A producer asks for an id, and then writes.
      for (const missing of ['POST/v1/producers', `POST/v1/topics/${topic}/records`]) {
        await produce();
        await page.getByRole('alert').filter({ hasText: missing }).waitFor(slow);
        Statement.push(await lineIn(page));
        await allow(name, JSON.stringify({ Version: '2012-10-17', Statement }));
      }
      await produce();
      await page.getByText('1 record is written').waitFor(slow);
      const args = ['--from-beginning', '--until', 'latest', '--filter', 'key=allowed', '--property', 'print.key=true'];
      expect(await cli('consume', topic, ...args)).toContain('allowed');
    });

    test('an operator creates, produces, resets and deletes', { timeout: 300_000 }, async () => {
      const own = freshName();
      const open = await consoleOf(operator);
      const page = await open('/topics');
      const dialog = dialogOf(page);
      await page.getByRole('button', { name: 'Create a topic' }).click();
      await dialog.getByLabel('Name').fill(own);
      await dialog.getByRole('button', { name: 'Create', exact: true }).click();
      await dialog.waitFor({ state: 'detached', ...slow });
      expect(await cli('topics', 'list')).toContain(own);
      await page.goto(new URL(`/console/topics/${own}/produce`, page.url()).href);
      await page.getByRole('button', { name: 'Produce', exact: true }).click();
      await page.getByText('1 record is written').waitFor(slow);
      expect(await cli('consume', own, '--from-beginning', '--max-messages', '1')).toContain('hello');
      await page.goto(new URL(`/console/groups/${group}`, page.url()).href);
      await page.getByRole('button', { name: 'Reset offsets' }).click();
      await dialog.getByRole('button', { name: 'Preview' }).click();
      await dialog.getByRole('region', { name: 'Preview' }).waitFor(slow);
      await dialog.getByRole('button', { name: 'Reset', exact: true }).click();
      await dialog.waitFor({ state: 'detached', ...slow });
      const described = JSON.parse(await cli('groups', 'describe', group, '-o', 'json')) as {
        partitionDetails: readonly { currentOffset: number }[];
      };
      expect(described.partitionDetails.map(({ currentOffset }) => currentOffset)).toEqual([0]);
      await page.goto(new URL('/console/topics', page.url()).href);
      await page.getByRole('row', { name: own }).getByRole('button').click();
      await page.getByRole('button', { name: 'Delete' }).click();
      await dialog.getByLabel('Type the name').fill(own);
      await dialog.getByRole('button', { name: 'Delete', exact: true }).click();
      await dialog.waitFor({ state: 'detached', ...slow });
      expect(await cli('topics', 'list')).not.toContain(own);
    });
  });
});
