// The ObjectStore in S3. Each call of the port is one request, except a put that finds its key taken: it also reads the
// stored object. This file does not retry: see ../retry.ts.
// S3 answers AccessDenied for a missing object and for a forbidden one alike if the role may not list the bucket. So such a
// role reads a forbidden object as missing too, and an error text about a missing object must name both causes.
import { crc32 } from 'node:zlib';
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ServiceException,
} from '@aws-sdk/client-s3';
import { checkDelete, checkList, checkObjectKey, checkRange, holdsOtherBytes, objectLimits } from '../object-rules.ts';
import type { ByteRange, CallOptions, ListRequest, ObjectPage, ObjectStore } from '../object-store.ts';
import { StorageError } from '../storage-error.ts';
import { type AwsConnection, clientSettings } from './connection.ts';
import { storageErrorOf } from './errors.ts';

/** The p99 of a small request is 200 ms, so a request that takes this long is lost. */
const TRY_MS = 4_000;
/** Uploads get more time in addition, at 4 MB/s. Even the smallest function is far faster. */
const UPLOAD_BYTES_PER_MS = 4_000;

export type S3ObjectStoreOptions = AwsConnection & {
  readonly bucket: string;
  /** Puts the bucket in the path instead of the host name, for emulators. Default false. */
  readonly forcePathStyle?: boolean;
};

export function createS3ObjectStore({
  bucket: Bucket,
  forcePathStyle,
  ...connection
}: S3ObjectStoreOptions): ObjectStore {
  const client = onFirstUse(() => createClient(connection, forcePathStyle ?? false, 'short'));
  // A put of 64 MiB has 21 s. It must not end before that, because the socket was silent for as long as a small request takes.
  const uploads = onFirstUse(() => createClient(connection, forcePathStyle ?? false, 'any'));
  return {
    async putOnce(key, chunks, { signal } = {}) {
      checkObjectKey(key);
      const limits = { tryMs: connection.tryMs ?? TRY_MS, signal };
      await putOnce({ client, uploads }, Bucket, key, Buffer.concat(chunks), limits);
    },
    async get(key, range, { signal } = {}) {
      checkObjectKey(key);
      if (range) checkRange(range);
      const found = await read(client(), { Bucket, Key: key }, { range, signal });
      return typeof found === 'string' ? undefined : found;
    },
    async list(request) {
      checkList(request);
      return list(client(), Bucket, request);
    },
    async delete(keys) {
      checkDelete(keys);
      if (keys.length > 0) await deleteAll(client(), Bucket, keys);
    },
  };
}

/** A function mostly uploads or reads. A client takes a millisecond or more of its cold start. */
function onFirstUse<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

function createClient(connection: AwsConnection, forcePathStyle: boolean, silence: 'short' | 'any'): S3Client {
  return new S3Client({
    ...clientSettings(connection, TRY_MS, { silence }),
    forcePathStyle,
    // Otherwise each PUT of 2 MiB and more waits for a round trip and takes a new connection.
    expectContinueHeader: false,
    // Uploads carry their own CRC-32 (see putOnce). Reads are checked by the CRC-32C of the record batches.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

// --- put

type Clients = { readonly client: () => S3Client; readonly uploads: () => S3Client };

async function putOnce(
  { client, uploads }: Clients,
  Bucket: string,
  key: string,
  body: Buffer,
  { tryMs, signal }: { readonly tryMs: number } & CallOptions,
): Promise<void> {
  const put = new PutObjectCommand({ Bucket, Key: key, Body: body, IfNoneMatch: '*', ChecksumCRC32: checksumOf(body) });
  // S3 refuses a body that does not match its CRC-32. With TLS, that makes the SHA-256 of the body in the signature
  // redundant. Without it a put takes far less processor time (4 MiB: 2 ms instead of 8).
  put.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build' },
  );
  try {
    const requestTimeout = tryMs + body.length / UPLOAD_BYTES_PER_MS;
    await uploads().send(put, { requestTimeout, ...(signal && { abortSignal: signal }) });
  } catch (error) {
    if ((error as S3ServiceException).$metadata?.httpStatusCode !== 412)
      throw storageErrorOf(error, `put ${JSON.stringify(key)}`);
    expectSame(await read(client(), { Bucket, Key: key }, { signal }), key, body);
  }
}

function checksumOf(body: Buffer): string {
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return checksum.toString('base64');
}

/** The key is taken, by an earlier try of ours whose answer was lost or by another writer. The bytes tell which. */
function expectSame(stored: Stored, key: string, body: Buffer): void {
  const name = JSON.stringify(key);
  if (stored === 'missing') throw new StorageError('conflict', `the object ${name} vanished while it was put`);
  if (stored === 'denied')
    throw new StorageError('exists', `the object ${name} exists and this role may not read it`, { mayHaveActed: true });
  if (!body.equals(stored)) throw holdsOtherBytes(key);
}

// --- get

type Stored = Uint8Array | 'missing' | 'denied';

async function read(
  client: S3Client,
  object: { readonly Bucket: string; readonly Key: string },
  { range, signal }: { readonly range?: ByteRange | undefined } & CallOptions = {},
): Promise<Stored> {
  const Range = range && `bytes=${range.from}-${range.to - 1}`;
  try {
    const { Body } = await client.send(new GetObjectCommand({ ...object, ...(Range && { Range }) }), {
      ...(signal && { abortSignal: signal }),
    });
    return (await Body?.transformToByteArray()) ?? new Uint8Array();
  } catch (error) {
    const { name, $metadata } = error as S3ServiceException;
    if (name === 'NoSuchKey') return 'missing';
    if (name === 'AccessDenied') return 'denied';
    // The range starts at or past the end.
    if ($metadata?.httpStatusCode === 416) return new Uint8Array();
    throw storageErrorOf(error, `get ${JSON.stringify(object.Key)}`);
  }
}

// --- list

async function list(client: S3Client, Bucket: string, { prefix, after, limit }: ListRequest): Promise<ObjectPage> {
  const request = new ListObjectsV2Command({
    Bucket,
    Prefix: prefix ?? '',
    ...(after && { StartAfter: after }),
    MaxKeys: limit ?? objectLimits.pageObjects,
    // Keys may hold characters that XML cannot represent.
    EncodingType: 'url',
  });
  try {
    const { Contents = [], IsTruncated } = await client.send(request);
    const objects = Contents.map(({ Key = '', Size = 0, LastModified }) => {
      return { key: decodeKey(Key), bytes: Size, modifiedMs: LastModified?.getTime() ?? 0 };
    });
    return { objects, more: IsTruncated ?? false };
  } catch (error) {
    throw storageErrorOf(error, `list ${JSON.stringify(prefix ?? '')}`);
  }
}

/** The encoding is that of a query string: a space is sent as a plus, and a plus as %2B. */
function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '));
}

// --- delete

/** The reply names the keys that failed. The first of them is thrown. The other keys may or may not be deleted. */
async function deleteAll(client: S3Client, Bucket: string, keys: readonly string[]): Promise<void> {
  const Objects = keys.map((Key) => ({ Key }));
  const doing = `delete ${keys.length} objects`;
  const failed = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } })).then(
    ({ Errors = [] }) => Errors.find(({ Code }) => Code !== 'NoSuchKey'),
    (error) => {
      throw storageErrorOf(error, doing);
    },
  );
  if (!failed) return;
  const { Code = '', Message = '', Key = '' } = failed;
  throw storageErrorOf(
    { name: Code, message: `${Key}: ${Message}`, $metadata: { httpStatusCode: statusOf(Code) } },
    doing,
  );
}

/**
 * The status of an error within a reply that itself has status 200.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const statusOf = (code: string) => (code === 'AccessDenied' ? 403 : 500);
