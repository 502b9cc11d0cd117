// How often a live page looks: a choice that stands in the URL, and a button that looks now.
import { useQueryClient } from '@tanstack/react-query';
import { everyOf, intervals, type LiveSearch } from '../data/live-search.ts';
import { Field } from './field.tsx';

type Props = { readonly search: LiveSearch; readonly onChange: (every: number) => void };

export function Every({ search, onChange }: Props) {
  const cache = useQueryClient();
  return (
    <>
      <Field label="Look">
        <select value={everyOf(search)} onChange={(event) => onChange(Number(event.target.value))}>
          {intervals.map((seconds) => (
            <option key={seconds} value={seconds}>
              {seconds === 0 ? 'when I ask' : `every ${seconds} s`}
            </option>
          ))}
        </select>
      </Field>
      <button type="button" onClick={() => void cache.invalidateQueries()}>
        Look now
      </button>
    </>
  );
}
