// `npm run demo`: Rivulet from end to end in a few seconds. It starts a service over a data directory of its own, or uses the
// service that RIVULET_URL names. It streams 20,000 flights into a topic through the signed HTTP API while a group of three
// members reads them, and kills one member in the middle. It exits with 0 only if the group read exactly what was written.
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
  .description('Shows Rivulet from end to end, over a data directory of its own or at RIVULET_URL')
  .option('--no-next', 'do not suggest what to try next')
  .parse()
  .opts<{ next: boolean }>();

const given = process.env.RIVULET_URL;
const service = given ? givenService(given) : await ownService();
const { topic } = service;
let bar: SingleBar | undefined; // The progress bar that is shown now.
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

/** Restores the terminal and removes the data, because the data of half a demo is of no use. */
function giveUp(exitCode: number): void {
  bar?.stop();
  group?.kill();
  console.error(`\nInterrupted: ${service.abandon()}.`);
  process.exit(exitCode);
}

/** @returns whether all claims of the demo are true. */
async function runDemo(): Promise<boolean> {
  const rivulet = new Rivulet({ url: service.url, clientId: 'demo', ...identity(service.url) });
  await rivulet.admin().createTopics({ topics: [{ topic, partitions }] });
  heading(`A Rivulet service is listening on ${service.url}`);
  console.log(`Created the topic "${topic}" with ${partitions} partitions.`);
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

/** Streams sends of 250 flights, four at the same time. The key is the airport of origin. */
async function write(rivulet: Rivulet, flights: readonly FlightLine[]): Promise<void> {
  heading(`Writing ${count(flights.length)} flights, keyed by airport of origin, while the group reads them`);
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

// --- output

function heading(text: string): void {
  console.log(`\n== ${text}`);
}

/** Prints a line above the bar, if one is shown. */
function say(text: string): void {
  if (bar) process.stdout.write('\r\u001b[2K');
  console.log(`  ${text}`);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** Shows a bar on a terminal, and lines in a file. `stop` returns how fast it went. */
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
  heading('The busiest airports, and those with the greatest mean delay (of 100 flights or more)');
  const rows = busiest.map((busy, at) => {
    const late = latest[at]!;
    return [busy.code, busy.departures, '  |', late.code, late.meanDelay.toFixed(1), late.departures];
  });
  for (const line of tableLines(['BUSIEST', 'FLIGHTS', '  |', 'LATEST', 'MINUTES', 'FLIGHTS'], rows)) console.log(line);
}

function showClaims(written: readonly FlightLine[], { flights, repeated }: GroupRead): boolean {
  heading('Checks against the file itself');
  const claims = claimsOf(written, flights);
  for (const { text, holds } of claims) console.log(`${holds ? '  true ' : '  FALSE'}  ${text}`);
  console.log(`
${count(repeated)} flights came twice: ${victim} had ${repeated > 0 ? 'read them and was killed before it committed them' : 'committed what it had read'}. A group delivers at least
once. Partition and offset identify a repeated record, so each flight is counted once above.`);
  return claims.every(({ holds }) => holds);
}
