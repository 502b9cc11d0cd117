// This file finds out whether this machine's own curl can sign requests.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

export async function reasonToSkip(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('curl', ['--help', 'all']);
    return stdout.includes('--aws-sigv4') ? undefined : 'this curl has no --aws-sigv4';
  } catch {
    return 'there is no curl on this machine';
  }
}
