// How far a long run has come, on standard error: one line that changes on a terminal, one a minute in a log.

const terminalMs = 500;
const logMs = 60_000;

/** Call it after each case, with how many are done and how many there will be, as far as is known. */
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
