// One record: where it lies, what its batch says about it, its bytes, and what can be done with it.
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { lineOfMessage } from '../../cli/json-lines.ts';
import { isClientError } from '../../client/client-error.ts';
import { advanceSequence } from '../../lib/record/batch-header.ts';
import { connected, segments } from '../data/queries.ts';
import { Copy } from '../parts/copy.tsx';
import { Menu } from '../parts/menu.tsx';
import { bytes, count } from '../parts/numbers.ts';
import { Time } from '../parts/time.tsx';
import { Content } from './content.tsx';
import { curlOf } from './curl.ts';
import { DeleteRecords, Tombstone } from './record-dialogs.tsx';
import type { Row } from './row.ts';
import { visible } from './text.ts';

type Props = { readonly topic: string; readonly row: Row; readonly onClose: () => void };

export function RecordView({ topic, row, onClose }: Props) {
  const [asked, setAsked] = useState<'delete' | 'tombstone'>();
  const navigate = useNavigate();
  const service = useQuery(connected());
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const close = (): void => setAsked(undefined);
  const file = `${topic}-${row.partition}-${row.offset}`;
  return (
    <aside className="record card" aria-label="Record">
      <div className="head">
        <h2 ref={heading} tabIndex={-1}>
          Offset {row.offset} of partition {row.partition}
        </h2>
        <div className="buttons">
          <Copy label="Copy as JSON" text={() => lineOfMessage({ topic, ...row })} />
          {service.data && <Copy label="Copy as curl" text={() => curlOf(service.data, topic, row)} />}
          <Menu
            label="More"
            actions={[
              {
                label: 'Produce again ...',
                act: () => void navigate({ to: '/topics/$topic/produce', params: { topic }, search: againOf(row) }),
              },
              ...(row.key ? [{ label: 'Write a tombstone ...', danger: true, act: () => setAsked('tombstone') }] : []),
              { label: 'Delete records up to here ...', danger: true, act: () => setAsked('delete') },
            ]}
          />
          <button type="button" onClick={onClose}>
            Close
          </button>
        </div>
      </div>
      <Facts topic={topic} row={row} />
      <Content name="Key" bytes={row.key} file={`${file}.key`} />
      <Content name="Value" bytes={row.value} file={`${file}.value`} />
      {row.headers.map(({ key, value }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: names of headers may repeat, and their order is fixed.
        <Content key={at} name={`Header ${visible(key)}`} bytes={value} file={`${file}.header`} />
      ))}
      {asked === 'delete' && <DeleteRecords topic={topic} row={row} onClose={close} />}
      {asked === 'tombstone' && <Tombstone topic={topic} row={row} onClose={close} />}
    </aside>
  );
}

/** The page Produce takes the record from where it lies, so that no bytes have to go through the URL. */
const againOf = ({ partition, offset }: Row) => ({ from: `${partition}:${offset}` });

function Facts({ topic, row }: Pick<Props, 'topic' | 'row'>) {
  const { timestamp, batch, offset } = row;
  const { producerId, producerEpoch, baseSequence, baseOffset } = batch;
  const sequence = baseSequence < 0 ? 'none' : advanceSequence(baseSequence, offset - baseOffset);
  const facts: readonly (readonly [string, ReactNode])[] = [
    ['Time', <Time key="time" ms={timestamp} />],
    ['Timestamp type', batch.timestampType],
    ['Producer', producerId < 0 ? 'without an id' : `${producerId}, epoch ${producerEpoch}, sequence ${sequence}`],
    ['Transaction', batch.isTransactional ? 'written in a transaction, which was committed' : 'none'],
    [
      'Batch',
      `from offset ${baseOffset}, ${count(batch.recordCount)} records, ${bytes(batch.sizeBytes)}, compression ${batch.compression}`,
    ],
    ['Object', <StoredIn key="object" topic={topic} row={row} />],
  ];
  return (
    <dl>
      {facts.map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Where the service has put the record. Operators may ask; a consumer's policy does not allow it, and needs it for nothing. */
function StoredIn({ topic, row: { partition, offset } }: Pick<Props, 'topic' | 'row'>) {
  const { data, error, isPending } = useQuery(segments({ topic, partition, from: offset, limit: 1 }));
  const segment = data?.segments[0];
  if (isPending) return '...';
  if (error) return <span className="faint">unknown: {isClientError(error) ? error.detail : error.message}</span>;
  if (!segment) return <span className="faint">none any more</span>;
  return (
    <>
      <Link to="/topics/$topic/storage" params={{ topic }} search={{ partition, from: offset }}>
        {segment.object}
      </Link>
      <span className="faint">
        , {segment.kind}, {bytes(segment.bytes)} of this partition
      </span>
    </>
  );
}
