// A request to another service whose reply is bounded in size. The caller bounds its time, and follows no redirection.

export type Fetch = (url: string, options: RequestInit) => Promise<Response>;

/** Rejects when the body is longer than `mostBytes`. The reply has its body in memory. */
export async function boundedFetch(
  fetch: Fetch,
  url: string,
  options: RequestInit,
  mostBytes: number,
): Promise<Response> {
  const reply = await fetch(url, options);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of reply.body ?? []) {
    bytes += chunk.length;
    // Leaving the loop cancels the body.
    if (bytes > mostBytes) throw new Error(`reply of ${new URL(url).host}: expected at most ${mostBytes} bytes`);
    chunks.push(chunk);
  }
  return new Response(Buffer.concat(chunks), { status: reply.status, headers: reply.headers });
}
