// A time in the person's zone. Its title, which shows on hover, is the same time in UTC.

const local = new Intl.DateTimeFormat(undefined, {
  ...({ year: 'numeric', month: '2-digit', day: '2-digit' } as const),
  ...({ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false } as const),
});

/** The range of ECMAScript's dates. A record may claim any time. */
const mostMs = 8.64e15;

/** @param ms epoch milliseconds; a negative value stands for "none". */
export function Time({ ms }: { readonly ms: number }) {
  if (ms < 0) return <span className="faint">none</span>;
  if (ms > mostMs) return <span>{ms} ms</span>;
  const utc = new Date(ms).toISOString();
  return (
    <time dateTime={utc} title={`${utc} (UTC)`}>
      {local.format(ms)}
    </time>
  );
}
