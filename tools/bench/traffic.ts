// Counts the bodies that went through a server or a client, and the PUTs of a server.
export type Traffic = { transfers: number; bytes: number; puts: number; failure?: string };

/** Smaller bodies are questions and answers beside the transfers, and do not count. */
const leastTransferBytes = 1024;

export function count(traffic: Traffic, bytes: number): void {
  if (bytes < leastTransferBytes) return;
  traffic.transfers++;
  traffic.bytes += bytes;
}
