// The stacks for the tests, as the app makes them. The functions are bundled once, and each configuration is synthesised once.
import { statSync } from 'node:fs';
import path from 'node:path';
import { App, type Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { bundleFunctions, bundleKafkaGateway } from '../../cdk/bundle-functions.ts';
import { configOf } from '../../cdk/config.ts';
import { createStacks } from '../../cdk/stacks.ts';
import { functionNames } from '../../functions/routes.ts';

/** This folder is not in the system's temporary folder, because no test would know when to remove it from there. */
export const bundles = path.resolve('dist/functions-of-tests');
await Promise.all([bundleFunctions(bundles), bundleKafkaGateway(bundles)]);

export const codeBytes = (): number =>
  functionNames.reduce((sum, name) => sum + statSync(path.join(bundles, name, 'index.mjs')).size, 0);

/** The stream that goes with `existingTable`. */
export const existingTableStream =
  'arn:aws:dynamodb:eu-central-1:123456789012:table/restored/stream/2026-11-30T12:00:00.000';

type Given = Readonly<Record<string, unknown>>;

export function appWith(given: Given = {}): App {
  const app = new App();
  createStacks(app, configOf(given), bundles);
  return app;
}

const stacksOf = (app: App) => app.node.children.filter((child): child is Stack => 'templateOptions' in child);

type Templates = Readonly<Record<string, Template>>;
const made = new Map<string, Templates>();

/** The templates, keyed by the name of the stack. */
export function templatesWith(given: Given = {}): Templates {
  const key = JSON.stringify(given);
  const templates = made.get(key) ?? synthesise(given);
  made.set(key, templates);
  return templates;
}

function synthesise(given: Given): Templates {
  return Object.fromEntries(stacksOf(appWith(given)).map((stack) => [stack.stackName, Template.fromStack(stack)]));
}

type Resource = { readonly Type: string; readonly Properties: Record<string, unknown> };

/** The resources of a type with their logical ids. */
export function resourcesOf(template: Template, type: string): [string, Resource][] {
  return Object.entries(template.findResources(type)) as [string, Resource][];
}
