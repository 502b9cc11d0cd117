// KafkaJS's retry option, with its defaults.
import type { RetryOptions as SdkRetryOptions } from '../transport/retry.ts';

export type Retry = {
  /** Milliseconds. */
  readonly maxRetryTime: number;
  readonly initialRetryTime: number;
  readonly multiplier: number;
  readonly retries: number;
  /** Asked after a crash of a consumer. */
  readonly restartOnFailure: (error: Error) => Promise<boolean>;
};

export const defaultRetry: Retry = {
  ...{ maxRetryTime: 30_000, initialRetryTime: 300, multiplier: 2, retries: 5 },
  restartOnFailure: async () => true,
};

/** The same for the SDK's calls. It doubles its waits, and draws each at random below its bound. */
export const sdkRetry = ({ maxRetryTime, initialRetryTime, retries }: Retry): SdkRetryOptions => ({
  ...{ retries, baseMs: initialRetryTime, capMs: maxRetryTime },
});
