// This reports the progress of a long run on standard error: one line that changes on a terminal, or one line a minute
// in a log.

const terminalMs = 500;
const logMs = 60_000;

/** Call it after each case with the number of cases done and the number expected, as far as it is known. */
export function reportProgress(what: string): (done: number, total: number) => void {
  const { stderr } = process;
  const everyMs = stderr.isTTY ? terminalMs : logMs;
  const begunMs = performance.now();
  let told = begunMs;
  return (done, total) => {
    const nowMs = performance.now();
    if (nowMs - told < everyMs && !(done === total && stderr.isTTY)) return;
    told = nowMs;
    const leftMinutes = ((nowMs - begunMs) / done) * ((total - done) / 60_000);
    const line = `${what}: ${done} of ${total}, about ${leftMinutes.toFixed(1)} minutes left`;
    stderr.write(stderr.isTTY ? `\r${line}\x1b[K${done === total ? '\r\x1b[K' : ''}` : `${line}\n`);
  };
}
