// `npm run demo`: Rivulet from end to end in a few seconds. It starts the service over a folder of its own, or takes the
// one that RIVULET_URL names, streams 20,000 flights into a topic through the signed HTTP API while a group of three reads
// them, kills one of the three in the middle, and checks that what came back is what went in. Exits with 0 only if it is.
import { Presets, SingleBar } from 'cli-progress';
import { Command } from 'commander';
import { tableLines } from '../cli/output.ts';
import { onStopSignal } from '../cli/stop-signals.ts';
import { Rivulet } from '../client/rivulet.ts';
import { type Group, type GroupRead, startGroup, victim } from './demo-group.ts';
import { identity } from './demo-identity.ts';
import './failures.ts';
import { givenService, ownService } from './demo-service.ts';
import { airportsOf, claimsOf, type FlightLine, type ReadFlight, readFlights } from './flights.ts';

const partitions = 6;
const barFormat = '{bar} {percentage}% | {value} of {total} | {rate} records/s';

const { next } = new Command('npm run demo --')
  .description('Rivulet from end to end, over a folder of its own or at RIVULET_URL')
  .option('--no-next', 'do not say what to try next')
  .parse()
  .opts<{ next: boolean }>();

const given = process.env.RIVULET_URL;
const service = given ? givenService(given) : await ownService();
const { topic } = service;
let bar: SingleBar | undefined; // The one that is shown now.
let group: Group | undefined;
const stopListening = onStopSignal(giveUp);
try {
  process.exitCode = (await runDemo()) ? 0 : 1;
} finally {
  group?.kill();
  await service.close();
}
stopListening();
if (next) service.showAfterwards(heading);

/** The terminal as it was, and nothing left behind: half of a demo is of no use to anybody. */
function giveUp(exitCode: number): void {
  bar?.stop();
  group?.kill();
  console.error(`\nInterrupted; ${service.abandon()}.`);
  process.exit(exitCode);
}

/** @returns whether all that was to be shown is true. */
async function runDemo(): Promise<boolean> {
  const rivulet = new Rivulet({ url: service.url, clientId: 'demo', ...identity(service.url) });
  await rivulet.admin().createTopics({ topics: [{ topic, partitions }] });
  heading(`A Rivulet service is listening on ${service.url}`);
  console.log(`Made the topic "${topic}" with ${partitions} partitions.`);
  const flights = readFlights();
  heading('Starting a group of three consumers, each a process of its own');
  group = startGroup({
    url: service.url,
    topic,
    groupId: service.groupId,
    partitions,
    killAt: flights.length / 3,
    say,
  });
  await group.shared;
  await write(rivulet, flights);
  heading('Reading the rest');
  const read = await group.finished(flights.length);
  console.log(`Read: ${count(read.flights.length)} flights.`);
  showAirports(read.flights);
  return showClaims(flights, read);
}

/** As a stream of sends of 250 flights, four of them under way, keyed by the airport that they leave from. */
async function write(rivulet: Rivulet, flights: readonly FlightLine[]): Promise<void> {
  heading(`Writing ${count(flights.length)} flights, keyed by airport of origin; the group reads them as they come`);
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

// --- what is shown

function heading(text: string): void {
  console.log(`\n== ${text}`);
}

/** Above the bar, if one is shown. */
function say(text: string): void {
  if (bar) process.stdout.write('\r\u001b[2K');
  console.log(`  ${text}`);
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
  const busiest = airports.toSorted((a, b) => b.departures - a.departures || a.code.localeCompare(b.code)).slice(0, 8);
  const latest = airports.toSorted((a, b) => b.meanDelay - a.meanDelay).slice(0, 8);
  heading('What they say: the busiest airports, and those with the most delay (mean, of 100 flights or more)');
  const rows = busiest.map((busy, at) => {
    const late = latest[at]!;
    return [busy.code, busy.departures, '  |', late.code, late.meanDelay.toFixed(1), late.departures];
  });
  for (const line of tableLines(['BUSIEST', 'FLIGHTS', '  |', 'LATEST', 'MINUTES', 'FLIGHTS'], rows)) console.log(line);
}

function showClaims(written: readonly FlightLine[], { flights, repeated }: GroupRead): boolean {
  heading('What was checked against the file itself');
  const claims = claimsOf(written, flights);
  for (const { text, holds } of claims) console.log(`${holds ? '  true ' : '  FALSE'}  ${text}`);
  console.log(`
${count(repeated)} flights came twice: ${victim} had read them and was killed before it committed that. A group promises at least
once; partition and offset tell what comes again, and above each flight is counted once.`);
  return claims.every(({ holds }) => holds);
}
