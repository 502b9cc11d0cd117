// The state of the service at a glance. Rates are of the time that the console was open. Totals since the start of the service come
// from its metrics, where it has some.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { rivulet } from '../data/command-lines.ts';
import { groups, health, topics } from '../data/queries.ts';
import { useRates } from '../data/rates.ts';
import { usdSoFar } from '../data/receipts.ts';
import { useTopicFigures } from '../data/topic-figures.ts';
import { type Traffic, traffic } from '../data/traffic.ts';
import { mostLooks, useGroupLags } from '../groups/use-group-lags.ts';
import { Chart } from '../parts/chart.tsx';
import { Empty } from '../parts/empty.tsx';
import { bytes, count, dollars, duration, rate } from '../parts/numbers.ts';
import { Figure, PageHead } from '../parts/page.tsx';
import { Problem } from '../parts/problem.tsx';
import { Time } from '../parts/time.tsx';

const everyMs = 3_000;

export function Page() {
  const service = useQuery(health({ everyMs }));
  const list = useQuery(topics({ everyMs: 10_000 }));
  const names = (list.data ?? []).map(({ topic }) => topic).sort();
  const isEmpty = list.data?.length === 0;
  return (
    <>
      <PageHead title="Overview" />
      <Problem error={service.error ?? list.error} />
      {isEmpty && (
        <Empty command={rivulet('topics', 'create', 'orders', '--partitions', 3)}>
          There is no topic yet. Create one on the page <Link to="/topics">Topics</Link>, or in a terminal:
        </Empty>
      )}
      <Figures names={names} version={service.data?.version} status={service.data?.status} />
    </>
  );
}

type Props = { names: readonly string[]; version: string | undefined; status: string | undefined };

function Figures({ names, version, status }: Props) {
  const { figures, lookedMs } = useTopicFigures(names, everyMs);
  const known = [...figures.values()];
  const isWhole = names.length > 0 && known.length === Math.min(names.length, 100);
  const latest = known.flatMap((of) => of.partitionDetails).reduce((sum, one) => sum + one.latest, 0);
  const records = known.reduce((sum, of) => sum + of.records, 0);
  const size = known.reduce((sum, of) => sum + of.bytes, 0);
  const written = useRates('records written', isWhole ? latest : undefined, lookedMs);
  const seen = useQuery(traffic(everyMs));
  return (
    <>
      <div className="figures">
        <Figure
          label="Topics"
          value={<Link to="/topics">{count(names.length)}</Link>}
          note={names.length > 100 ? 'figures of the first 100' : undefined}
        />
        <Figure label="Records" value={isWhole ? count(records) : '...'} />
        <Figure label="Storage" value={isWhole ? bytes(size) : '...'} note={`${count(size)} bytes, as appended`} />
        <Figure label="Written" value={rate(written.now)} note="records, in the last seconds" />
        {seen.data && <BytesInAndOut of={seen.data} lookedMs={seen.dataUpdatedAt} />}
        <Groups />
        <Figure label="Cost" value={dollars(usdSoFar())} note="storage calls of this page so far" />
        <Figure label="Service" value={status ?? '...'} note={version && `version ${version}`} />
      </div>
      {seen.data && <SinceStart of={seen.data} />}
      {written.times.length > 1 && (
        <Chart
          label="Records written a second, while the console was open"
          times={written.times}
          series={[{ label: 'records', values: written.perSecond, colour: '--accent' }]}
          format={rate}
        />
      )}
    </>
  );
}

function BytesInAndOut({ of, lookedMs }: { readonly of: Traffic; readonly lookedMs: number }) {
  const [into, out] = [useRates('bytes in', of.bytesIn, lookedMs), useRates('bytes out', of.bytesOut, lookedMs)];
  const shown = ({ now }: typeof into): string => (now === undefined ? '...' : `${bytes(now)}/s`);
  return (
    <>
      <Figure label="Bytes in" value={shown(into)} note="in the last seconds" />
      <Figure label="Bytes out" value={shown(out)} note="to consumers, and to this page" />
    </>
  );
}

function SinceStart({ of }: { readonly of: Traffic }) {
  return (
    <p>
      Since the service started, <Time ms={of.startedMs} />: {count(of.recordsIn)} records and {bytes(of.bytesIn)} in,{' '}
      {count(of.recordsOut)} records and {bytes(of.bytesOut)} out. Its storage calls would cost {dollars(of.usd)} in
      AWS.
    </p>
  );
}

const live = { everyMs: 10_000 };

function Groups() {
  const list = useQuery(groups(live));
  const looks = (list.data ?? []).slice(0, mostLooks).map(({ groupId }) => groupId);
  const lags = useGroupLags(looks, live);
  const active = list.data?.filter(({ members }) => members > 0).length ?? 0;
  const behind = [...lags].filter(([, { records }]) => records > 0).sort(([, a], [, b]) => b.timeMs - a.timeMs);
  const [worst] = behind;
  const among = list.data && list.data.length > looks.length ? `, of the first ${mostLooks}` : '';
  return (
    <>
      <Figure
        label="Groups"
        value={list.data ? <Link to="/groups">{count(list.data.length)}</Link> : '...'}
        note={`${count(active)} with members`}
      />
      <Figure
        label="Groups behind"
        value={list.data && lags.size === looks.length ? <Link to="/groups">{count(behind.length)}</Link> : '...'}
        note={worst ? `the most: ${worst[0]}, by ${duration(worst[1].timeMs)}${among}` : `with unread records${among}`}
      />
    </>
  );
}
