// One bar for each partition, so that skew among a thousand of them is seen at once. It is one picture with one text for
// people who do not see it; the exact values, and links for the keyboard, belong into a table beside it.

type Bar = { readonly name: string; readonly value: number };

type Props = {
  readonly bars: readonly Bar[];
  readonly label: string;
  readonly format: (value: number) => string;
  /** A click on a bar, by its place in `bars`. */
  readonly onOpen: (at: number) => void;
};

const height = 80;

export function Bars({ bars, label, format, onOpen }: Props) {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const greatest = bars.reduce<Bar | undefined>(
    (best, bar) => (best && best.value >= bar.value ? best : bar),
    undefined,
  );
  const summary = greatest ? `${label}: the greatest is ${greatest.name} with ${format(greatest.value)}` : label;
  const gap = bars.length > 200 ? 0 : 0.15;
  return (
    <figure className="bars">
      <svg viewBox={`0 0 ${bars.length} ${height}`} preserveAspectRatio="none" role="img" aria-label={summary}>
        {bars.map(({ name, value }, at) => {
          const tall = Math.max(1, (value / most) * height);
          return (
            // biome-ignore lint/a11y/noStaticElementInteractions: the table beside it has the same links.
            <rect
              key={name}
              onClick={() => onOpen(at)}
              x={at + gap / 2}
              y={height - tall}
              width={1 - gap}
              height={tall}
            >
              <title>{`${name}: ${format(value)}`}</title>
            </rect>
          );
        })}
      </svg>
      <div className="ends faint" aria-hidden="true">
        <span>{bars[0]?.name}</span>
        <span>{bars.at(-1)?.name}</span>
      </div>
      <figcaption className="faint">{summary}</figcaption>
    </figure>
  );
}
