// This file stands for lib/sigv4/sign.ts in the page. The server of the console signs, and the page has no credentials.

export function signRequest(): never {
  throw new Error('a page of the console signs nothing: its server does');
}
