// This file connects a command to the service with the SDK. It loads the SDK only when a command needs it.
import type { Command } from 'commander';
import type { ConnectionOptions } from '../client/properties.ts';
import type { Rivulet } from '../client/rivulet.ts';
import type { RetryHooks } from '../client/transport/outage.ts';
import { isLoopback } from '../lib/runtime/loopback.ts';

/** A person waits for the answer, so the command gives up within a second or two when there is no service. */
const retry = { retries: 3 };

type GlobalOptions = { url: string; region?: string; profile?: string };

export async function connect(command: Command, hooks: RetryHooks = {}, own: ConnectionOptions = {}): Promise<Rivulet> {
  const { Rivulet } = await import('../client/rivulet.ts');
  return new Rivulet({ ...accessOf(command), clientId: 'cli', ...own, retry: { ...retry, ...own.retry }, ...hooks });
}

/** The service that a command means, and the credentials for it, in the form that the SDK takes. */
export function accessOf(command: Command) {
  const { url, profile, region = environmentRegion(url) } = command.optsWithGlobals<GlobalOptions>();
  // A person who names a profile means it, whatever the environment holds.
  const credentials = profile === undefined ? ownCredentials() : undefined;
  return {
    url,
    ...(profile !== undefined && { profile }),
    ...(region !== undefined && { region }),
    ...(credentials && { credentials }),
  };
}

/** A person sets AWS_REGION for AWS, and not for a service on this machine: that one takes us-east-1. */
export function environmentRegion(url: string): string | undefined {
  return URL.canParse(url) && isLoopback(new URL(url).hostname) ? undefined : process.env.AWS_REGION || undefined;
}

/** The credentials that a person gave for Rivulet alone. `rivulet serve` reads the same two variables. */
export function ownCredentials(): { accessKeyId: string; secretAccessKey: string } | undefined {
  const { RIVULET_ACCESS_KEY_ID: accessKeyId, RIVULET_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (!accessKeyId && !secretAccessKey) return undefined;
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey };
  throw new Error('RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY must be given together');
}
