// A strict reader of Prometheus' text format, as a scrape gets it. It throws for what a Prometheus server would refuse: a
// sample without a type, a family in two places, a series twice, a label that is not escaped.

export type Scraped = {
  /** The name of each family with its type. */
  readonly types: ReadonlyMap<string, string>;
  /** Each series in the order of its labels, like `name{a="1",b="2"}`, with its value. */
  readonly series: ReadonlyMap<string, number>;
};

/** Prometheus reads `Nan`, which prom-client writes, in any case of its letters. */
const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (nan|[+-]Inf|-?[\d.]+(?:e[+-]?\d+)?)$/i;
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\["\\nr])*)"(?:,|$)/y;

export function parseScrape(text: string): Scraped {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const types = new Map<string, string>();
  const series = new Map<string, number>();
  let family = '';
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('# HELP ')) continue;
    if (line.startsWith('# TYPE ')) {
      const [, , name = '', type = ''] = line.split(' ');
      if (types.has(name)) throw new Error(`two families: ${name}`);
      types.set(name, type);
      family = name;
      continue;
    }
    const [, name, labels = '', value] = sample.exec(line) ?? [];
    if (name === undefined) throw new Error(`no sample: ${line}`);
    const suffix = name.startsWith(family) ? name.slice(family.length) : 'another';
    const isOfFamily = types.get(family) === 'histogram' ? /^_(bucket|sum|count)$/.test(suffix) : suffix === '';
    if (!isOfFamily && !(types.get(family) === 'summary')) throw new Error(`${name} is within ${family}`);
    const key = `${name}{${labelsOf(labels, line)}}`;
    if (series.has(key)) throw new Error(`twice: ${key}`);
    series.set(key, Number(value));
  }
  return { types, series };
}

function labelsOf(text: string, line: string): string {
  const found: string[] = [];
  label.lastIndex = 0;
  for (let end = 0; end < text.length; end = label.lastIndex) {
    const match = label.exec(text);
    if (!match) throw new Error(`no labels: ${line}`);
    found.push(`${match[1]}="${match[2]}"`);
  }
  return found.sort().join(',');
}

/** The series of a family, by their labels. */
export function seriesOf({ series }: Scraped, name: string): Record<string, number> {
  const own = [...series].filter(([key]) => key.startsWith(`${name}{`));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(name.length + 1, -1), value]));
}
