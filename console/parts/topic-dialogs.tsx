// The dialogs that create and delete a topic, and add partitions to it.
import { useState } from 'react';
import type { TopicSummary } from '../../client/admin/topics.ts';
import { rivulet } from '../data/command-lines.ts';
import { admin } from '../data/service.ts';
import { Dialog } from './dialog.tsx';
import { Field } from './field.tsx';
import { plural } from './numbers.ts';

type Props = { readonly onDone: () => unknown; readonly onClose: () => void };
type OfTopic = Props & { readonly topic: TopicSummary };

/** Parses lines of `name=value`. */
function configIn(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      return at < 0 ? [line.trim(), ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}

export function CreateTopic({ onDone, onClose }: Props) {
  const [topic, setTopic] = useState('');
  const [partitions, setPartitions] = useState('3');
  const [lines, setLines] = useState('');
  const config = configIn(lines);
  const flags = Object.entries(config).flatMap(([name, value]) => ['--config', `${name}=${value}`]);
  const create = async (): Promise<void> => {
    await admin.createTopics({ topics: [{ topic, partitions: Number(partitions), config }] });
    await onDone();
  };
  return (
    <Dialog
      title="Create a topic"
      act="Create"
      command={topic ? rivulet('topics', 'create', topic, '--partitions', partitions, ...flags) : undefined}
      disabled={topic === ''}
      onAct={create}
      onClose={onClose}
    >
      <Field label="Name" note="Letters, digits, dots, underscores and hyphens.">
        <input value={topic} required maxLength={249} onChange={(event) => setTopic(event.target.value)} />
      </Field>
      <Field label="Partitions" note="Their number can grow later, and never shrink.">
        <input
          type="number"
          min={1}
          max={10_000}
          required
          value={partitions}
          onChange={(event) => setPartitions(event.target.value)}
        />
      </Field>
      <Field label="Configuration" note="A line for each: retention.ms=86400000. What is left out keeps its default.">
        <textarea rows={3} value={lines} onChange={(event) => setLines(event.target.value)} />
      </Field>
    </Dialog>
  );
}

export function AddPartitions({ topic, onDone, onClose }: OfTopic) {
  const [partitions, setPartitions] = useState(String(topic.partitions + 1));
  const add = async (): Promise<void> => {
    await admin.createPartitions({ topic: topic.topic, partitions: Number(partitions) });
    await onDone();
  };
  return (
    <Dialog
      title={`Add partitions to ${topic.topic}`}
      act="Add"
      command={rivulet('topics', 'alter', topic.topic, '--partitions', partitions)}
      onAct={add}
      onClose={onClose}
    >
      <p>
        The topic has {plural(topic.partitions, 'partition')}. Keys will go to other partitions than before, so the
        order of a key's records holds only within each of the two times.
      </p>
      <Field label="New number of partitions">
        <input
          type="number"
          min={topic.partitions + 1}
          max={10_000}
          required
          value={partitions}
          onChange={(event) => setPartitions(event.target.value)}
        />
      </Field>
    </Dialog>
  );
}

export function DeleteTopic({ topic, onDone, onClose }: OfTopic) {
  const [typed, setTyped] = useState('');
  const remove = async (): Promise<void> => {
    await admin.deleteTopics({ topics: [topic.topic] });
    await onDone();
  };
  return (
    <Dialog
      title={`Delete ${topic.topic}`}
      act="Delete"
      lost={`All records of its ${plural(topic.partitions, 'partition')} are lost, for every reader, and cannot be restored here.`}
      command={rivulet('topics', 'delete', topic.topic)}
      disabled={typed !== topic.topic}
      onAct={remove}
      onClose={onClose}
    >
      <Field label={`Type the name of the topic: ${topic.topic}`}>
        <input value={typed} autoComplete="off" onChange={(event) => setTyped(event.target.value)} />
      </Field>
    </Dialog>
  );
}
