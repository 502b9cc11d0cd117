// The SDK for a command: loaded now, because a command runs that needs it.
import type { Command } from 'commander';
import type { Rivulet } from '../client/rivulet.ts';
import type { RetryHooks } from '../client/transport/outage.ts';
import { isLoopback } from '../lib/runtime/loopback.ts';

/** Somebody waits for the answer: give up on a service that is not there within a second or two. */
const retry = { retries: 3 };

export async function connect(command: Command, hooks: RetryHooks = {}, clientId = 'cli'): Promise<Rivulet> {
  const { Rivulet } = await import('../client/rivulet.ts');
  const { url, region = environmentRegion(url) } = command.optsWithGlobals<{ url: string; region?: string }>();
  const credentials = ownCredentials();
  return new Rivulet({
    url,
    clientId,
    retry,
    ...hooks,
    ...(region !== undefined && { region }),
    ...(credentials && { credentials }),
  });
}

/** What a person has set for AWS is not meant for a service on this machine: that takes us-east-1. */
export function environmentRegion(url: string): string | undefined {
  return URL.canParse(url) && isLoopback(new URL(url).hostname) ? undefined : process.env.AWS_REGION || undefined;
}

/** Those a person gave for Rivulet alone: `rivulet serve` takes the same two. */
export function ownCredentials(): { accessKeyId: string; secretAccessKey: string } | undefined {
  const { RIVULET_ACCESS_KEY_ID: accessKeyId, RIVULET_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (!accessKeyId && !secretAccessKey) return undefined;
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey };
  throw new Error('RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY must be given together');
}
