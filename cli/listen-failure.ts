// Says what to do when a server of this command line cannot listen on its port.

export function isPortInUse(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
}

/** Returns the error for the person who started the server. */
export function explained(error: unknown, host: string, port: number): unknown {
  if (!isPortInUse(error)) return error;
  return new Error(
    `port ${port} on ${host} is in use: stop the process that listens there, or choose another port with --port`,
  );
}
