// A run of batches on its way into a partition: uploaded, not yet sequenced.
import type { Entry } from '../partition/entry.ts';
import type { PageAddress } from '../partition/page.ts';

export type UploadedRun = {
  readonly address: PageAddress;
  readonly entry: Entry;
  readonly expectedOffset?: number;
  /** No copy of it could be in the log when the head that it starts from was read. */
  readonly isFirstEver: boolean;
  /** When the request came in, by our clock. */
  readonly begunMs: number;
  /** Puts the same batches under a new name of at least this epoch. */
  upload(minEpoch: number): Promise<Entry>;
};

/** One run on its way: what we have sent of it, and what we know. */
export type Attempt = UploadedRun & {
  readonly raw: Uint8Array;
  /** A copy of an earlier update may have landed, or may land yet. */
  readonly doubtful: boolean;
  /** The next offset in the copy of the head that we started from: no copy of ours can lie below it. */
  readonly firstView: number;
};
