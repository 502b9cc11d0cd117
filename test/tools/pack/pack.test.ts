import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { functionNames } from '../../../functions/routes.ts';
import { packAll, projectWith, removeFolders, runIn, typeErrors } from './packages.ts';

let packed: string;
beforeAll(async () => {
  packed = await packAll();
}, 400_000);
afterAll(removeFolders);

describe('the construct, in a CDK app that is CommonJS', () => {
  let project: string;
  beforeAll(async () => {
    project = await projectWith(path.join(packed, 'cdk'), ['aws-cdk-lib', 'constructs']);
  });

  const app = `
    const { App, Stack } = require('aws-cdk-lib');
    const { Role, ServicePrincipal } = require('aws-cdk-lib/aws-iam');
    const { Rivulet } = require('rivulet-cdk');
    const stack = new Stack(new App({ outdir: 'cdk.out' }), 'Shop');
    const events = new Rivulet(stack, 'Events', { restoreDays: 14 });
    events.grantProduce(new Role(stack, 'Orders', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }), 'orders');
    stack.node.root.synth();
  `;

  test('synthesises, with the code of the functions from the package', async () => {
    await runIn(project, 'app.cjs', app);
    const assets = readdirSync(path.join(project, 'cdk.out')).filter((name) => name.startsWith('asset.'));
    const code = assets.map((name) => path.join(project, 'cdk.out', name, 'index.mjs')).filter(existsSync);
    expect(code).toHaveLength(functionNames.length);
  });

  test('refuses a wrong option in one sentence', async () => {
    const wrong = runIn(project, 'wrong.cjs', app.replace('restoreDays: 14', 'restoreDays: 36'));
    await expect(wrong).rejects.toThrow('restoreDays: expected a whole number from 1 to 35, got 36');
  });

  test('has types', async () => {
    const source = `
      import { Stack } from 'aws-cdk-lib';
      import { Rivulet } from 'rivulet-cdk';
      export const url: string = new Rivulet(new Stack(), 'Events', { restoreDays: 14 }).url;
      new Rivulet(new Stack(), 'Wrong', { restoreDays: 'long' });
    `;
    const wrong = expect.stringMatching(/^check\.ts\(5,.*'string' is not assignable to type 'number'/);
    expect(await typeErrors(project, source)).toEqual([wrong]);
  });
});

describe.each([
  ['client', 'rivulet'],
  ['cdk', 'rivulet-cdk'],
])('the package in %s', (folder, name) => {
  const read = (file: string) => readFileSync(path.join(packed, folder, file), 'utf8');

  test('carries the licences of what is in its bundles, and NOTICE names exactly these', () => {
    const carried = [...read('THIRD-PARTY-LICENSES.txt').matchAll(/^(\S+) \S+ \((.+)\)$/gm)];
    const [, list] = new RegExp(`^${name} \\(.*\\):\n((?: {4}.*\n)+)`, 'm').exec(read('NOTICE'))!;
    const named = list!.trim().split(/\n */);
    expect(named).toEqual(carried.map(([, one, licence]) => `${one}  ${licence}`).sort());
  });

  test('has the text that each of these licences asks for', () => {
    const parts = read('THIRD-PARTY-LICENSES.txt')
      .split(`\n${'-'.repeat(80)}\n\n`)
      .slice(1);
    const asks =
      /Permission is hereby granted|Apache License\s+Version 2.0|Permission to use, copy, modify|Redistribution and use|Blue Oak Model License|asks for no notice/;
    expect(parts.filter((part) => !asks.test(part))).toEqual([]);
    const holders = parts.filter((part) => /\((MIT|ISC|BSD-3-Clause)\)/.test(part));
    expect(holders.filter((part) => !/copyright (\(c\)|©|\d|\w)/i.test(part))).toEqual([]);
  });
});
