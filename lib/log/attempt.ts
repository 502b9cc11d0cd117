// This file describes a run of batches on its way into a partition. The run is uploaded, or is an item that is to be put
// together with the update of the head. It is not yet sequenced.
import type { PageAddress } from '../partition/page.ts';
import type { Uploaded } from './upload.ts';

export type UploadedRun = Uploaded & {
  readonly address: PageAddress;
  readonly expectedOffset?: number;
  /** True if no copy of the run could be in the log when the head that it starts from was read. */
  readonly isFirstEver: boolean;
  /** The time when the request came in, by our clock. */
  readonly begunMs: number;
  /** Puts the same batches under a new name of at least this epoch. */
  upload(minEpoch: number): Promise<Uploaded>;
};

/** An attempt adds to a run what we have sent of it and what we know about it. */
export type Attempt = UploadedRun & {
  readonly raw: Uint8Array;
  /** True if a copy of an earlier update may have landed, or may still land. */
  readonly doubtful: boolean;
  /** The next offset in the copy of the head that we started from. No copy of the run that we sent can lie below it. */
  readonly firstView: number;
};
