// The command lines that do what the console's buttons do. Invariant: a word from outside is quoted for the shell.

/** Quotes a word for a POSIX shell where it needs quotes. */
export const shellWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** The command line takes this address where nothing names one. */
const defaultUrl = 'http://127.0.0.1:9292';

let service = '';

/** Command lines name the service from now on, unless it has the default address: they would change another one. */
export function nameService(url: string): void {
  service = url === defaultUrl ? '' : `RIVULET_URL=${shellWord(url)} `;
}

export const rivulet = (...words: readonly (string | number)[]): string =>
  [`${service}npx rivulet`, ...words.map((word) => shellWord(String(word)))].join(' ');
