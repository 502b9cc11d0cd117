// The dialogs that delete a group, and its offsets of one topic.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { GroupDescription } from '../../client/admin/group-admin.ts';
import { rivulet } from '../data/command-lines.ts';
import { admin } from '../data/service.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { plural } from '../parts/numbers.ts';

type DeleteProps = { readonly groupId: string; readonly onDone?: () => unknown; readonly onClose: () => void };

export function DeleteGroup({ groupId, onDone, onClose }: DeleteProps) {
  const cache = useQueryClient();
  const remove = async (): Promise<void> => {
    await admin.deleteGroups([groupId]);
    cache.removeQueries({ queryKey: ['group', groupId] });
    await cache.invalidateQueries({ queryKey: ['groups'] });
    await onDone?.();
  };
  return (
    <Dialog
      title={`Delete ${groupId}`}
      act="Delete"
      lost="All committed offsets of the group are lost: its consumers will not know where they were. The records stay."
      command={rivulet('groups', 'delete', groupId)}
      onAct={remove}
      onClose={onClose}
    />
  );
}

type OffsetsProps = { readonly group: GroupDescription; readonly onClose: () => void };

export function DeleteOffsets({ group: { groupId, partitionDetails }, onClose }: OffsetsProps) {
  const cache = useQueryClient();
  const committed = partitionDetails.filter(({ currentOffset }) => currentOffset >= 0);
  const topics = [...new Set(committed.map(({ topic }) => topic))];
  const [topic, setTopic] = useState(topics[0] ?? '');
  const partitions = committed.filter((one) => one.topic === topic).length;
  const remove = async (): Promise<void> => {
    await admin.deleteGroupOffsets({ groupId, topics: [{ topic }] });
    await cache.invalidateQueries({ queryKey: ['group', groupId] });
  };
  return (
    <Dialog
      title="Delete offsets"
      act="Delete"
      lost={`The group forgets where it was in ${plural(partitions, 'partition')} of ${topic}. A consumer then begins where its auto.offset.reset says.`}
      command={rivulet('groups', 'delete-offsets', groupId, '--topic', topic)}
      disabled={topic === ''}
      onAct={remove}
      onClose={onClose}
    >
      <Field label="Topic">
        <select value={topic} onChange={(event) => setTopic(event.target.value)}>
          {topics.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </Field>
    </Dialog>
  );
}
