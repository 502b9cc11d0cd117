// A handler that does what the test tells it for each event.
import { setTimeout as sleep } from 'node:timers/promises';

export type Told = { readonly answer?: unknown; readonly throws?: string; readonly sleepsMs?: number };

export async function handler(event: unknown, context: { readonly functionName: string }): Promise<unknown> {
  const url = `${process.env.RECORDER}/${context.functionName}`;
  const reply = await fetch(url, { method: 'POST', body: JSON.stringify(event) });
  const { answer, throws, sleepsMs = 0 } = (await reply.json()) as Told;
  await sleep(sleepsMs);
  if (throws !== undefined) throw new Error(throws);
  return answer;
}
