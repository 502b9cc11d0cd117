// The form of the filters. It changes nothing until it is submitted, and then the URL holds what it says.
import { type FormEvent, useState } from 'react';
import { Field } from '../parts/field.tsx';
import { type MessageSearch, messageSearch } from './search.ts';

type More = {
  /** Whether the less common filters are in sight. */
  readonly showsMore: boolean;
  readonly onShowMore: (shows: boolean) => void;
};

type Props = More & { readonly search: MessageSearch; readonly onApply: (search: MessageSearch) => void };

type Jump = 'edge' | 'offset' | 'time';
const jumpOf = ({ offset, time }: MessageSearch): Jump =>
  offset !== undefined ? 'offset' : time !== undefined ? 'time' : 'edge';

/** The value of an <input type="datetime-local">, in the person's zone. */
const localTime = (ms: number): string => {
  const date = new Date(ms);
  return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, -1);
};

export function Filters({ search, onApply, ...more }: Props) {
  const [order, setOrder] = useState<string>(search.order ?? 'newest');
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    onApply(searchOf(new FormData(event.currentTarget)));
  };
  return (
    <form className="filters" onSubmit={submit} aria-label="Filters">
      <Field label="Order">
        <select name="order" value={order} onChange={(event) => setOrder(event.target.value)}>
          <option value="newest">Newest first</option>
          <option value="oldest">Oldest first</option>
          <option value="tail">Live tail</option>
        </select>
      </Field>
      {order !== 'tail' && <Begin search={search} edge={order === 'oldest' ? 'at the earliest' : 'at the latest'} />}
      <Field label="Partitions">
        <input name="partitions" placeholder="all" size={8} defaultValue={search.partitions} />
      </Field>
      <Field label="Contains">
        <input
          name="text"
          type="search"
          placeholder="text in key or value, as written"
          size={28}
          defaultValue={search.text}
        />
      </Field>
      <button type="submit" className="main">
        {order === 'tail' ? 'Follow' : 'Search'}
      </button>
      <MoreFilters search={search} {...more} />
    </form>
  );
}

function Begin({ search, edge }: { readonly search: MessageSearch; readonly edge: string }) {
  const [jump, setJump] = useState(jumpOf(search));
  return (
    <>
      <Field label="Begin">
        <select value={jump} onChange={(event) => setJump(event.target.value as Jump)}>
          <option value="edge">{edge}</option>
          <option value="offset">at an offset</option>
          <option value="time">at a time</option>
        </select>
      </Field>
      {jump === 'offset' && (
        <Field label="Offset">
          <input name="offset" type="number" min={0} required defaultValue={search.offset} />
        </Field>
      )}
      {jump === 'time' && (
        <Field label="Time">
          <input
            name="time"
            type="datetime-local"
            step="0.001"
            required
            defaultValue={search.time === undefined ? undefined : localTime(search.time)}
          />
        </Field>
      )}
    </>
  );
}

function MoreFilters({ search: { where, js }, showsMore, onShowMore }: More & { readonly search: MessageSearch }) {
  return (
    <details className="wide" open={showsMore} onToggle={(event) => onShowMore(event.currentTarget.open)}>
      <summary>More filters</summary>
      <div className="filters">
        <Field
          label="Conditions, one a line"
          note="key=42, value~late, headers.source=web, $.user.name!=Ada, $.delay>=60 - texts without quotes, as `rivulet consume --filter` takes them"
        >
          <textarea name="where" rows={3} spellCheck={false} defaultValue={where} />
        </Field>
        <Field
          label="JavaScript predicate"
          note="m has partition, offset, timestamp, key, value, json, headers: m.json?.delay > 60 && m.key !== 'SFO'. It runs in a worker without a connection."
        >
          <textarea name="js" rows={3} spellCheck={false} defaultValue={js} />
        </Field>
      </div>
    </details>
  );
}

function searchOf(form: FormData): MessageSearch {
  const given = Object.fromEntries([...form].map(([name, value]) => [name, String(value).trim()]));
  const number = (text: string | undefined): number | undefined => (text ? Number(text) : undefined);
  return messageSearch({
    ...given,
    offset: number(given.offset),
    time: given.time ? Date.parse(given.time) : undefined,
  });
}
