// A chart of values over time, by uPlot, which is loaded when the first chart is drawn. The last values stand below it as text.
import { useEffect, useRef, useSyncExternalStore } from 'react';
import 'uplot/dist/uPlot.min.css';
import { withGaps } from './gaps.ts';

export type Series = {
  readonly label: string;
  readonly values: readonly (number | null)[];
  /** A colour of style.css: `--accent`. */
  readonly colour: string;
};

type Props = {
  readonly label: string;
  /** Epoch milliseconds, ascending. Each series has a value for each. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  readonly height?: number;
};

/** A canvas does not know the variables of the page, and a variable of two colours is resolved only where it is used. */
function colourOf(name: string, place: HTMLElement): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

const dark = matchMedia('(prefers-color-scheme: dark)');

function onSchemeChange(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  dark.addEventListener('change', changed);
  return () => {
    observer.disconnect();
    dark.removeEventListener('change', changed);
  };
}

/** Changes when the page changes between light and dark. */
const useScheme = (): string =>
  useSyncExternalStore(onSchemeChange, () => `${document.documentElement.dataset.theme} ${dark.matches}`);

export function Chart({ label, times, series, format, height = 180 }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<{ setData: (data: never) => void; destroy: () => void }>(undefined);
  const drawn = withGaps(times, series);
  const data = [drawn.times.map((ms) => ms / 1000), ...drawn.values];
  const latest = useRef(data);
  latest.current = data;
  const scheme = useScheme();
  const shape = JSON.stringify([scheme, series.map(({ label: name, colour }) => [name, colour]), height]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the chart is made again for another shape, not for new data.
  useEffect(() => {
    let gone = false;
    void import('uplot').then(({ default: UPlot }) => {
      const element = place.current;
      if (gone || !element) return;
      const axis = {
        stroke: colourOf('--faint', element),
        grid: { stroke: colourOf('--line', element), width: 1 },
        ticks: { show: false },
      };
      const options = {
        ...{ width: element.clientWidth, height },
        series: [
          {},
          ...series.map((one) => ({
            label: one.label,
            stroke: colourOf(one.colour, element),
            width: 2,
            points: { show: false },
          })),
        ],
        axes: [axis, { ...axis, size: 70, values: (_: unknown, ticks: number[]) => ticks.map(format) }],
        // A small change on an axis that begins near it looks like a large one.
        scales: {
          y: { range: (_: unknown, __: number | null, most: number | null): [number, number] => [0, most || 1] },
        },
        legend: { show: false },
      };
      chart.current = new UPlot(options, latest.current as never, element);
    });
    return () => {
      gone = true;
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [shape]);
  useEffect(() => chart.current?.setData(data as never));
  const last = series.map((one) => `${one.label} ${format(one.values.at(-1) ?? 0)}`).join(', ');
  return (
    <figure className="chart">
      <div ref={place} role="img" aria-label={`${label}: ${last}`} />
      <figcaption className="faint">
        {label}: {last}
      </figcaption>
    </figure>
  );
}
