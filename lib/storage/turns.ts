// For storage that answers without waiting, such as SQLite: so many reads in one turn of the event loop, and the others in
// the next ones, in their order. Else a request of many reads would hold up everybody.

/** Some milliseconds. */
const readsPerTurn = 64;

/** Returns a promise when the caller is to wait for its turn. */
export function createTurns(): () => Promise<void> | undefined {
  const waiting: (() => void)[] = [];
  let left = readsPerTurn;
  let isCounting = false;

  function nextTurn(): void {
    isCounting = false;
    left = readsPerTurn;
    const served = waiting.splice(0, readsPerTurn);
    if (served.length > 0) count(served.length);
    for (const serve of served) serve();
  }

  function count(reads: number): void {
    left -= reads;
    if (isCounting) return;
    isCounting = true;
    setImmediate(nextTurn);
  }

  return () => {
    if (left > 0 && waiting.length === 0) {
      count(1);
      return undefined;
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
}
