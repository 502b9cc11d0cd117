// This file checks a request's body against its limit and unpacks it if it is compressed. The signature covers the bytes on
// the wire, so this runs after it is verified. The limit holds for both sizes, and unpacking stops there.
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { RivuletError } from '../lib/api/errors.ts';
import { limits } from '../lib/api/limits.ts';
import { unexpected } from '../lib/api/refusal.ts';

type Body = Uint8Array | string;
export type BodyLimit = 'jsonBodyBytes' | 'binaryBodyBytes' | 'fetchBodyBytes';

const unpack = promisify(gunzip);

/** Throws BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, and INVALID_REQUEST if the bytes are not gzip. */
export async function readBody(body: Body, encoding: string | undefined, limit: BodyLimit): Promise<Body> {
  const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  if (bytes > limits[limit]) throw tooLarge(limit, `${bytes}`);
  return isPacked(encoding) ? unpacked(body, limit) : body;
}

/** RFC 9110, 8.4.1: the names of codings ignore case, and x-gzip means gzip. */
function isPacked(encoding = 'identity'): boolean {
  const coding = encoding.trim().toLowerCase();
  if (coding === 'gzip' || coding === 'x-gzip') return true;
  if (coding === 'identity' || coding === '') return false;
  throw unexpected('header.content-encoding', 'gzip, identity or none', encoding, 'UNSUPPORTED_MEDIA_TYPE');
}

async function unpacked(body: Body, limit: BodyLimit): Promise<Uint8Array> {
  if (typeof body === 'string' && body !== '')
    throw noGzip(
      'text: this gateway passes JSON on as text, which breaks compressed bytes; send the body uncompressed',
    );
  try {
    return await unpack(body, { maxOutputLength: limits[limit] });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit, 'more when unpacked');
    throw noGzip(`bytes that do not unpack: ${(error as Error).message}`);
  }
}

function noGzip(found: string): RivuletError {
  return new RivuletError('INVALID_REQUEST', `body: expected gzip, got ${found}`, { extra: { field: 'body' } });
}

function tooLarge(limit: BodyLimit, found: string): RivuletError {
  return new RivuletError('BODY_TOO_LARGE', `body: expected at most ${limits[limit]} bytes (${limit}), got ${found}`, {
    extra: { field: 'body', limit: limits[limit] },
  });
}
