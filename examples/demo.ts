// `npm run demo`: Rivulet from end to end in a few seconds. It starts the service over a folder of its own, or takes the
// one that RIVULET_URL names, streams 20,000 flights into a topic through the signed HTTP API, reads them back with three
// consumers, and checks that what came back is what went in. Exits with 0 only if it is.
import { Presets, SingleBar } from 'cli-progress';
import { ownCredentials } from '../cli/connect.ts';
import { tableLines } from '../cli/output.ts';
import { Rivulet } from '../lib/client/rivulet.ts';
import { givenService, ownService } from './demo-service.ts';
import { airportsOf, claimsOf, type FlightLine, type ReadFlight, readFlights } from './flights.ts';

const partitions = 6;
const consumers = 3;
const barFormat = '{bar} {percentage}% | {value} of {total} | {rate} records/s';

const given = process.env.RIVULET_URL;
const service = given ? givenService(given) : await ownService();
const { topic } = service;
let bar: SingleBar | undefined; // The one that is shown now.
process.once('SIGINT', giveUp);
try {
  process.exitCode = (await runDemo()) ? 0 : 1;
} finally {
  await service.close();
}
process.removeListener('SIGINT', giveUp);
service.showAfterwards(heading);

/** The terminal as it was, and nothing left behind: half of a demo is of no use to anybody. */
function giveUp(): void {
  bar?.stop();
  console.error(`\nInterrupted; ${service.abandon()}.`);
  process.exit(130);
}

/** @returns whether all that was to be shown is true. */
async function runDemo(): Promise<boolean> {
  const credentials = ownCredentials();
  const region = process.env.AWS_REGION;
  const identity = { ...(credentials && { credentials }), ...(region !== undefined && { region }) };
  const rivulet = new Rivulet({ url: service.url, clientId: 'demo', ...identity });
  heading(`A Rivulet service is listening on ${service.url}`);
  await rivulet.admin().createTopics({ topics: [{ topic, partitions }] });
  console.log(`Made the topic "${topic}" with ${partitions} partitions.`);
  const flights = readFlights();
  await write(rivulet, flights);
  const read = await readBack(rivulet);
  showAirports(read);
  return showClaims(flights, read);
}

/** As a stream of sends of 250 flights, four of them under way, keyed by the airport that they leave from. */
async function write(rivulet: Rivulet, flights: readonly FlightLine[]): Promise<void> {
  heading(`Writing ${count(flights.length)} flights, keyed by airport of origin`);
  const producer = rivulet.producer({ compression: 'zstd' });
  const meter = startMeter(flights.length);
  const underWay: Promise<void>[] = [];
  for (let from = 0; from < flights.length; from += 250) {
    const messages = flights.slice(from, from + 250).map(({ origin, text }) => ({ key: origin, value: text }));
    underWay.push(producer.send({ topic, messages }).then((results) => meter.add(results.length)));
    if (underWay.length === 4) await underWay.shift();
  }
  await Promise.all(underWay);
  await producer.disconnect();
  console.log(`Acknowledged: ${meter.stop()}.`);
}

/** Three consumers, two partitions each, side by side. Each reads to the end that its partitions have now. */
async function readBack(rivulet: Rivulet): Promise<ReadFlight[]> {
  const ends = await rivulet.admin().fetchTopicOffsets(topic);
  const total = ends.reduce((sum, { latest }) => sum + latest, 0);
  heading(`Reading them back with ${consumers} consumers, ${partitions / consumers} partitions each`);
  const meter = startMeter(total);
  const read: ReadFlight[] = [];
  const shares = Array.from({ length: consumers }, (_, i) =>
    ends.filter(({ partition }) => partition % consumers === i),
  );
  await Promise.all(
    shares.map((share) =>
      readShare(rivulet, share, (flights) => {
        read.push(...flights);
        meter.add(flights.length);
      }),
    ),
  );
  console.log(`Read: ${meter.stop()}.`);
  return read;
}

type End = { readonly partition: number; readonly latest: number };

async function readShare(rivulet: Rivulet, ends: readonly End[], take: (read: ReadFlight[]) => void): Promise<void> {
  const consumer = rivulet.consumer({ autoOffsetReset: 'earliest' });
  consumer.assign(ends.map(({ partition }) => ({ topic, partition, offset: 0 })));
  const unfinished = new Set(ends.filter(({ latest }) => latest > 0).map(({ partition }) => partition));
  if (unfinished.size === 0) return;
  const endOf = new Map(ends.map(({ partition, latest }) => [partition, latest]));
  await consumer.run({
    eachBatch: ({ partition, messages }) => {
      take(messages.map(({ key, value, offset }) => ({ origin: String(key), text: String(value), partition, offset })));
      if (messages.at(-1)!.offset + 1 >= endOf.get(partition)!) unfinished.delete(partition);
      if (unfinished.size === 0) void consumer.stop();
    },
  });
}

// --- what is shown

function heading(text: string): void {
  console.log(`\n== ${text}`);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** A bar for a person, lines for a file. `stop` tells how fast it went. */
function startMeter(total: number): { add(records: number): void; stop(): string } {
  const startedMs = performance.now();
  bar = process.stdout.isTTY
    ? new SingleBar({ format: barFormat, gracefulExit: false }, Presets.shades_classic)
    : undefined;
  let records = 0;
  const rate = (): string => count(Math.round((records / (performance.now() - startedMs)) * 1000));
  bar?.start(total, 0, { rate: 0 });
  return {
    add(more) {
      const quarters = Math.floor((records * 4) / total);
      records += more;
      bar?.update(records, { rate: rate() });
      const isNextQuarter = Math.floor((records * 4) / total) > quarters;
      if (!bar && isNextQuarter) console.log(`  ${count(records)} of ${count(total)}, ${rate()} records/s`);
    },
    stop() {
      bar?.stop();
      bar = undefined;
      const seconds = (performance.now() - startedMs) / 1000;
      return `${count(records)} records in ${seconds.toFixed(2)} s, ${rate()} records/s`;
    },
  };
}

function showAirports(read: readonly ReadFlight[]): void {
  const airports = airportsOf(read, 100);
  const busiest = airports.toSorted((a, b) => b.departures - a.departures).slice(0, 8);
  const latest = airports.toSorted((a, b) => b.meanDelay - a.meanDelay).slice(0, 8);
  heading('What they say: the busiest airports, and those with the most delay (mean, of 100 flights or more)');
  const rows = busiest.map((busy, at) => {
    const late = latest[at]!;
    return [busy.code, busy.departures, '  |', late.code, late.meanDelay.toFixed(1), late.departures];
  });
  for (const line of tableLines(['BUSIEST', 'FLIGHTS', '  |', 'LATEST', 'MINUTES', 'FLIGHTS'], rows)) console.log(line);
}

function showClaims(written: readonly FlightLine[], read: readonly ReadFlight[]): boolean {
  heading('What was checked against the file itself');
  const claims = claimsOf(written, read);
  for (const { text, holds } of claims) console.log(`${holds ? '  true ' : '  FALSE'}  ${text}`);
  return claims.every(({ holds }) => holds);
}
