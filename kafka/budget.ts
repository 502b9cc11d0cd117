// Bounds the bytes of requests and replies that one server holds.
//
// Invariant: a request is read only when its bytes were taken from the budget. Replies are made by then, so they are only
// counted: while they are above the budget, nothing further is read.

export type Budget = {
  /** Resolves, in the order of the calls, when so many bytes are free. */
  take(bytes: number): Promise<void>;
  /** Takes bytes that are there already. */
  count(bytes: number): void;
  giveBack(bytes: number): void;
};

export function createBudget(totalBytes: number): Budget {
  const waiting: { readonly bytes: number; readonly enter: () => void }[] = [];
  let free = totalBytes;

  function admit(): void {
    while (waiting.length > 0 && waiting[0]!.bytes <= free) {
      const { bytes, enter } = waiting.shift()!;
      free -= bytes;
      enter();
    }
  }

  return {
    take: (bytes) =>
      new Promise((enter) => {
        waiting.push({ bytes, enter });
        admit();
      }),
    count(bytes) {
      free -= bytes;
    },
    giveBack(bytes) {
      free += bytes;
      admit();
    },
  };
}
