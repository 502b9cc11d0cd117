// The SDK for a command: loaded now, because a command runs that needs it.
import type { Command } from 'commander';
import { isLoopback } from '../lib/client/loopback.ts';
import type { RetryHooks } from '../lib/client/outage.ts';
import type { Rivulet } from '../lib/client/rivulet.ts';

/** Somebody waits for the answer: give up on a service that is not there within a second or two. */
const retry = { retries: 3 };

export async function connect(command: Command, hooks: RetryHooks = {}, clientId = 'cli'): Promise<Rivulet> {
  const { Rivulet } = await import('../lib/client/rivulet.ts');
  const { url, ...given } = command.optsWithGlobals<{ url: string; region?: string }>();
  const region = given.region ?? regionOfEnvironment(url);
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

/** A service on this machine has a region of its own, whatever the environment says of AWS. */
export function regionOfEnvironment(url: string): string | undefined {
  const isHere = URL.canParse(url) && isLoopback(new URL(url).hostname);
  return isHere ? undefined : process.env.AWS_REGION;
}

/** Those a person gave for Rivulet alone: `rivulet serve` takes the same two. */
export function ownCredentials(): { accessKeyId: string; secretAccessKey: string } | undefined {
  const { RIVULET_ACCESS_KEY_ID: accessKeyId, RIVULET_SECRET_ACCESS_KEY: secretAccessKey } = process.env;
  if (!accessKeyId && !secretAccessKey) return undefined;
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey };
  throw new Error('RIVULET_ACCESS_KEY_ID and RIVULET_SECRET_ACCESS_KEY must be given together');
}
