// The command lines that do what the console's buttons do. Invariant: a word from outside is quoted for the shell.

/** Quotes a word for a POSIX shell where it needs quotes. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

export const rivulet = (...words: readonly (string | number)[]): string =>
  ['npx rivulet', ...words.map((word) => shellWord(String(word)))].join(' ');
