// The receipts in the answers to this page's calls add up to what it has cost so far: requests to storage, at list price.

let usd = 0;

/** The header of an answer, like `s3-put=1, usd=0.0000052500`. */
export function addReceipt(receipt: unknown): void {
  const [, dollars] = /\busd=([\d.]+)/.exec(String(receipt)) ?? [];
  usd += Number(dollars ?? 0);
}

export const usdSoFar = (): number => usd;
