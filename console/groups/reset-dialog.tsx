// The dialog that resets the offsets of a group. It first shows what would be set, by a dry run, and then sets exactly the
// offsets that it has shown: the end of a log may have moved since.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { GroupDescription } from '../../client/admin/group-admin.ts';
import { type OffsetReset, offsetTargets } from '../../client/admin/group-admin.ts';
import { topics as topicsQuery } from '../data/queries.ts';
import { admin, clock } from '../data/service.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { count } from '../parts/numbers.ts';
import { Problem } from '../parts/problem.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { askedBy, changeOf, commandOf, type ResetForm, targets, topicsOf } from './reset-request.ts';

type Props = { readonly group: GroupDescription; readonly onClose: () => void };

/** The rows are those of the form that they were asked with. A form that has changed since has none. */
type Plan = { readonly form: ResetForm; readonly rows: readonly OffsetReset[] };

export function ResetOffsets({ group, onClose }: Props) {
  const { groupId } = group;
  const cache = useQueryClient();
  const [form, setForm] = useState<ResetForm>({ topic: '', partitions: '', to: 'earliest', value: '' });
  const [plan, setPlan] = useState<Plan>();
  const [error, setError] = useState<unknown>();
  const rows = plan?.form === form ? plan.rows : undefined;
  const preview = async (): Promise<void> => {
    setError(undefined);
    try {
      const topics = topicsOf(form, group, clock.now());
      setPlan({ form, rows: await admin.resetOffsets({ groupId, topics, dryRun: true }) });
    } catch (error) {
      setError(error);
    }
  };
  const reset = async (): Promise<void> => {
    await admin.resetOffsets({ groupId, topics: offsetTargets(rows!) });
    await cache.invalidateQueries({ queryKey: ['group', groupId] });
  };
  return (
    <Dialog
      title={`Reset the offsets of ${groupId}`}
      act="Reset"
      lost={rows && lostBy(rows)}
      command={commandOf(groupId, form)}
      disabled={rows === undefined || rows.length === 0}
      onAct={reset}
      onClose={onClose}
    >
      <Fields form={form} onChange={(change) => setForm({ ...form, ...change })} />
      <div className="buttons">
        <button type="button" onClick={() => void preview()}>
          Preview
        </button>
      </div>
      <Problem error={error} />
      {rows && (
        <Table
          label="Preview"
          columns={previewColumns}
          rows={rows}
          keyOf={({ topicId, partition }) => `${topicId}/${partition}`}
        />
      )}
      {group.members > 0 && <p>Nothing can be reset while the group has members: stop them first.</p>}
    </Dialog>
  );
}

function lostBy(rows: readonly OffsetReset[]): string {
  const { skipped, repeated } = changeOf(rows);
  return `The group skips ${count(skipped)} records that it has not read, and reads ${count(repeated)} again. The offsets of now are lost.`;
}

const previewColumns: readonly Column<OffsetReset>[] = [
  { label: 'Topic', by: ({ topic }) => topic, cell: ({ topic }) => topic },
  { label: 'Partition', numeric: true, by: ({ partition }) => partition, cell: ({ partition }) => partition },
  {
    label: 'Now',
    numeric: true,
    by: ({ previousOffset }) => previousOffset,
    cell: ({ previousOffset }) => (previousOffset < 0 ? '-' : count(previousOffset)),
  },
  { label: 'New', numeric: true, by: ({ offset }) => offset, cell: ({ offset }) => count(offset) },
  {
    label: 'Change',
    numeric: true,
    cell: ({ previousOffset, offset }) => (previousOffset < 0 ? '-' : count(offset - previousOffset)),
  },
];

type FieldsProps = { readonly form: ResetForm; readonly onChange: (change: Partial<ResetForm>) => void };

function Fields({ form: { topic, partitions, to, value }, onChange }: FieldsProps) {
  const topics = useQuery(topicsQuery());
  const asked = askedBy[to];
  return (
    <div className="filters">
      <Field label="Topic">
        <select value={topic} onChange={(event) => onChange({ topic: event.target.value })}>
          <option value="">all that it has offsets of</option>
          {topics.data?.map((one) => (
            <option key={one.topicId}>{one.topic}</option>
          ))}
        </select>
      </Field>
      {topic !== '' && (
        <Field label="Partitions">
          <input
            value={partitions}
            placeholder="all"
            onChange={(event) => onChange({ partitions: event.target.value })}
          />
        </Field>
      )}
      <Field label="Target">
        <select value={to} onChange={(event) => onChange({ to: event.target.value as ResetForm['to'], value: '' })}>
          {targets.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </Field>
      {asked !== undefined && (
        <Field label="Value" note={asked}>
          <input value={value} onChange={(event) => onChange({ value: event.target.value })} />
        </Field>
      )}
    </div>
  );
}
