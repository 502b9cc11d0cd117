// What went through a server, or a client.
export type Traffic = { transfers: number; bytes: number; failure?: string };

/** Smaller bodies are answers and questions beside the transfers. */
const leastTransferBytes = 1024;

export function count(traffic: Traffic, bytes: number): void {
  if (bytes < leastTransferBytes) return;
  traffic.transfers++;
  traffic.bytes += bytes;
}
