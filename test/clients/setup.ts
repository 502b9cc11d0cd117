// The globalSetup of vitest for these tests: it installs the clients, and says which there are.
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { defaultCache } from '../../tools/emulator/install.ts';
import { type Found, installClients } from './install.ts';

declare module 'vitest' {
  interface ProvidedContext {
    kafkaClients: Found;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  project.provide('kafkaClients', await installClients(join(defaultCache(), '../kafka-clients')));
}
