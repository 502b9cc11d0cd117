// Bounds the bytes of requests and replies that one server holds.
//
// Invariant: a request is read only when its bytes were taken from the budget. A reply that brings records has room before
// they are read; the others are counted when they are made. While these bring the sum above the budget, nothing further is
// read; while replies alone are above it, no request begins.

export type Budget = {
  /** Resolves, in the order of the calls, when so many bytes are free. */
  take(bytes: number): Promise<void>;
  /** Takes bytes that are there already. */
  count(bytes: number): void;
  giveBack(bytes: number): void;
  countReply(bytes: number): void;
  /** Resolves, in the order of the calls, when replies have room for so many bytes more. They count from then on. */
  takeForReply(bytes: number): Promise<void>;
  giveBackReply(bytes: number): void;
  /** Resolves when the replies are within the budget. It must not look at requests: those that wait here hold their bytes. */
  repliesFit(): Promise<void>;
};

export function createBudget(totalBytes: number): Budget {
  const waiting: { readonly bytes: number; readonly enter: () => void }[] = [];
  const waitingReplies: typeof waiting = [];
  const beginning: (() => void)[] = [];
  let free = totalBytes;
  let replies = 0;

  function admit(): void {
    while (waiting.length > 0 && waiting[0]!.bytes <= free) {
      const { bytes, enter } = waiting.shift()!;
      free -= bytes;
      enter();
    }
    // One reply has room alone, however large it is.
    while (waitingReplies.length > 0 && (replies === 0 || replies + waitingReplies[0]!.bytes <= totalBytes)) {
      const { bytes, enter } = waitingReplies.shift()!;
      countReply(bytes);
      enter();
    }
    if (replies <= totalBytes) for (const begin of beginning.splice(0)) begin();
  }

  const count = (bytes: number): void => {
    free -= bytes;
  };
  const countReply = (bytes: number): void => {
    replies += bytes;
    count(bytes);
  };
  const giveBack = (bytes: number): void => {
    free += bytes;
    admit();
  };

  return {
    take: (bytes) =>
      new Promise((enter) => {
        waiting.push({ bytes, enter });
        admit();
      }),
    count,
    giveBack,
    countReply,
    takeForReply: (bytes) =>
      new Promise((enter) => {
        waitingReplies.push({ bytes, enter });
        admit();
      }),
    giveBackReply(bytes) {
      replies -= bytes;
      giveBack(bytes);
    },
    repliesFit: () =>
      new Promise((begin) => {
        beginning.push(begin);
        admit();
      }),
  };
}
