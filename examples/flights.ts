// The demo's data: 20,000 flights (data/README.md), statistics about them, and the checks that a log returned all of them.
import { readFileSync } from 'node:fs';

/** A flight as its line in the file, which is the value of its record. The origin is the key. */
export type FlightLine = { readonly origin: string; readonly text: string };

type Flight = { readonly origin: string; readonly destination: string; readonly delay: number };

export function readFlights(): FlightLine[] {
  const lines = readFileSync(new URL('data/flights.ndjson', import.meta.url), 'utf8')
    .trimEnd()
    .split('\n');
  return lines.map((text) => ({ origin: (JSON.parse(text) as Flight).origin, text }));
}

export type Airport = { readonly code: string; readonly departures: number; readonly meanDelay: number };

/** The airports with at least `leastDepartures`. `meanDelay` is the mean arrival delay of their flights, in minutes. */
export function airportsOf(lines: readonly FlightLine[], leastDepartures: number): Airport[] {
  const byOrigin = Map.groupBy(lines, ({ origin }) => origin);
  return [...byOrigin]
    .filter(([, flights]) => flights.length >= leastDepartures)
    .map(([code, flights]) => {
      const delays = flights.map(({ text }) => (JSON.parse(text) as Flight).delay);
      return { code, departures: flights.length, meanDelay: delays.reduce((sum, one) => sum + one, 0) / delays.length };
    });
}

/** A flight as it was read back. */
export type ReadFlight = FlightLine & { readonly partition: number; readonly offset: number };

export type Claim = { readonly text: string; readonly holds: boolean };

/** @param read each flight once, in the order in which they were handed over for the first time. */
export function claimsOf(written: readonly FlightLine[], read: readonly ReadFlight[]): Claim[] {
  return [
    {
      text: `every flight came back: ${written.length} written, ${read.length} read`,
      holds: sameTexts([...written].sort(byText), [...read].sort(byText)),
    },
    {
      text: 'the flights of each airport came back in the order of the file',
      holds: isInOrderPerOrigin(written, read),
    },
    { text: 'each airport has one partition', holds: hasOnePartitionEach(read) },
    { text: 'the offsets of each partition are 0, 1, 2, ... without a hole', holds: areOffsetsDense(read) },
  ];
}

const byText = (a: FlightLine, b: FlightLine): number => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0);

function sameTexts(a: readonly FlightLine[], b: readonly FlightLine[]): boolean {
  return a.length === b.length && a.every(({ text }, at) => text === b[at]!.text);
}

function isInOrderPerOrigin(written: readonly FlightLine[], read: readonly FlightLine[]): boolean {
  const expected = Map.groupBy(written, ({ origin }) => origin);
  const found = Map.groupBy(read, ({ origin }) => origin);
  return (
    expected.size === found.size && [...expected].every(([origin, lines]) => sameTexts(lines, found.get(origin) ?? []))
  );
}

function hasOnePartitionEach(read: readonly ReadFlight[]): boolean {
  const partitions = new Map<string, number>();
  for (const { origin, partition } of read) partitions.set(origin, partitions.get(origin) ?? partition);
  return read.every(({ origin, partition }) => partitions.get(origin) === partition);
}

function areOffsetsDense(read: readonly ReadFlight[]): boolean {
  const next = new Map<number, number>();
  return read.every(({ partition, offset }) => {
    const expected = next.get(partition) ?? 0;
    next.set(partition, expected + 1);
    return offset === expected;
  });
}
