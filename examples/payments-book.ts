// The bookkeeping of the payments demo: made-up payments, the two postings of each, and the check of what is in the topics at
// the end. Nothing here knows of Rivulet.

export type Payment = { readonly id: string; readonly from: string; readonly to: string; readonly cents: number };
/** One side of a payment: what it changes in one account. */
export type Posting = { readonly payment: string; readonly account: string; readonly cents: number };
export type Claim = { readonly text: string; readonly holds: boolean };

const accounts = ['ada', 'alan', 'barbara', 'donald', 'edsger', 'frances', 'grace', 'ken', 'leslie', 'margaret'];

/** `random` returns numbers from 0 to 1, exclusive. */
export function makePayments(count: number, random: () => number): Payment[] {
  const below = (bound: number): number => Math.floor(random() * bound);
  return Array.from({ length: count }, (_, index) => {
    const from = below(accounts.length);
    const to = (from + 1 + below(accounts.length - 1)) % accounts.length;
    return { id: `p${index}`, from: accounts[from]!, to: accounts[to]!, cents: 1 + below(10_000) };
  });
}

export const postingsOf = ({ id: payment, from, to, cents }: Payment): readonly [Posting, Posting] => [
  { payment, account: from, cents: -cents },
  { payment, account: to, cents },
];

/** The ids of the payments that went wrong, by what is wrong. */
export type Faults = {
  readonly lost: readonly string[];
  /** One account has the posting, and the other one has not. */
  readonly halves: readonly string[];
  readonly doubled: readonly string[];
  /** A posting of no payment, or with another account or amount. */
  readonly strange: readonly string[];
};

export function faultsOf(payments: readonly Payment[], postings: readonly Posting[]): Faults {
  const counts = new Map<string, number>();
  for (const posting of postings) counts.set(nameOf(posting), (counts.get(nameOf(posting)) ?? 0) + 1);
  const timesOf = (payment: Payment) => postingsOf(payment).map((posting) => counts.get(nameOf(posting)) ?? 0);
  const idsWhere = (isSo: (times: readonly number[]) => boolean) =>
    payments.filter((payment) => isSo(timesOf(payment))).map(({ id }) => id);
  const expected = new Set(payments.flatMap(postingsOf).map(nameOf));
  return {
    lost: idsWhere((times) => times.every((count) => count === 0)),
    halves: idsWhere((times) => times.includes(0) && times.some((count) => count > 0)),
    doubled: idsWhere((times) => times.some((count) => count > 1)),
    strange: [...new Set(postings.filter((one) => !expected.has(nameOf(one))).map(({ payment }) => payment))],
  };
}

const nameOf = ({ payment, account, cents }: Posting): string => `${payment} ${account} ${cents}`;

export type Read = {
  readonly payments: readonly Payment[];
  readonly postings: readonly Posting[];
  /** How many payments the group has committed as read. */
  readonly consumed: number;
};

export function claimsOf({ payments, postings, consumed }: Read): Claim[] {
  const { lost, halves, doubled, strange } = faultsOf(payments, postings);
  const sum = postings.reduce((total, { cents }) => total + cents, 0);
  const none = (what: string, ids: readonly string[]): Claim => ({
    text: ids.length === 0 ? `no payment ${what}` : `no payment ${what}: ${ids.length} did: ${listed(ids)}`,
    holds: ids.length === 0,
  });
  return [
    {
      text: `the sum of all accounts is unchanged: ${postings.length} postings add up to ${sum / 100}`,
      holds: sum === 0,
    },
    none('was applied twice', doubled),
    none('was lost', lost),
    none('was applied by half', halves),
    none('is in the books that nobody has made', strange),
    {
      text: `every input is committed as read: ${payments.length} were written, ${consumed} are committed`,
      holds: consumed === payments.length,
    },
  ];
}

const shown = 8;
const listed = (ids: readonly string[]): string =>
  ids.slice(0, shown).join(', ') + (ids.length > shown ? ` and ${ids.length - shown} more` : '');
