// The dialog that creates a subscription, and the one that shows the secret of its webhook, once.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { CreatedSubscription } from '../../client/admin/subscription-admin.ts';
import type { StartingPosition } from '../../lib/api/push.ts';
import { rivulet } from '../data/command-lines.ts';
import { topics as topicsQuery } from '../data/queries.ts';
import { admin } from '../data/service.ts';
import { Command } from '../parts/copy.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { discarded } from './dead-letters.ts';
import { commandOf, emptyForm, isComplete, requestOf, type SubscriptionForm, switches } from './request.ts';
import { Failures, type Fields, More } from './setting-fields.tsx';

type Props = { readonly onCreated: (created: CreatedSubscription) => void; readonly onClose: () => void };

export function CreateSubscription({ onCreated, onClose }: Props) {
  const cache = useQueryClient();
  const [form, setForm] = useState(emptyForm);
  const create = async (): Promise<void> => {
    // The secret comes only with this reply, so it is handed on before anything else can fail.
    onCreated(await admin.createSubscription(requestOf(form)));
    await cache.invalidateQueries({ queryKey: ['subscriptions'] });
  };
  const fields = { form, onChange: (change: Partial<SubscriptionForm>) => setForm({ ...form, ...change }) };
  return (
    <Dialog
      title="Create a subscription"
      act="Create"
      command={isComplete(form) ? commandOf(form) : undefined}
      lost={discarded(form)}
      disabled={!isComplete(form)}
      onAct={create}
      onClose={onClose}
    >
      <Needed {...fields} />
      <Start {...fields} />
      <Failures {...fields} />
      <details>
        <summary>More settings</summary>
        <More {...fields} offered={switches} />
      </details>
    </Dialog>
  );
}

function Needed({ form: { groupId, topic, kind, target }, onChange }: Fields) {
  const topics = useQuery(topicsQuery());
  return (
    <>
      <Field label="Group" note="Its offsets say how far the deliveries are. No consumer can join it meanwhile.">
        <input value={groupId} required onChange={(event) => onChange({ groupId: event.target.value })} />
      </Field>
      <Field label="Topic">
        <select value={topic} required onChange={(event) => onChange({ topic: event.target.value })}>
          <option value="">choose a topic</option>
          {topics.data?.map((one) => (
            <option key={one.topicId}>{one.topic}</option>
          ))}
        </select>
      </Field>
      <Field label="Deliver to">
        <select value={kind} onChange={(event) => onChange({ kind: event.target.value as SubscriptionForm['kind'] })}>
          <option value="webhook">a webhook</option>
          <option value="function">a Lambda function (only in AWS)</option>
        </select>
      </Field>
      <Field
        label={kind === 'webhook' ? 'URL' : 'ARN'}
        note={
          kind === 'webhook'
            ? 'https:, or http: on the machine of the service.'
            : 'The ARN of a function that the option pushTargets names.'
        }
      >
        <input value={target} required onChange={(event) => onChange({ target: event.target.value })} />
      </Field>
    </>
  );
}

function Start({ form: { position, time }, onChange }: Fields) {
  return (
    <>
      <Field label="Begin at">
        <select
          value={position}
          onChange={(event) => onChange({ position: event.target.value as StartingPosition, time: '' })}
        >
          <option value="TRIM_HORIZON">the earliest record (TRIM_HORIZON)</option>
          <option value="LATEST">records from now on (LATEST)</option>
          <option value="AT_TIMESTAMP">a time (AT_TIMESTAMP)</option>
        </select>
      </Field>
      {position === 'AT_TIMESTAMP' && (
        <Field label="Time" note="Like 2026-11-22T09:00:00Z. It is UTC if it names no zone.">
          <input value={time} onChange={(event) => onChange({ time: event.target.value })} />
        </Field>
      )}
    </>
  );
}

type SecretProps = { readonly groupId: string; readonly secret: string; readonly onClose: () => void };

export function ShownSecret({ groupId, secret, onClose }: SecretProps) {
  return (
    <Dialog
      title={`The secret of ${groupId}`}
      act="I have kept it"
      hasCancel={false}
      onAct={async () => undefined}
      onClose={onClose}
    >
      <p>This secret signs the events, and is not shown again. The receiver checks Rivulet-Signature with it.</p>
      <Command line={secret} />
      <p>
        If it is lost, <code>{rivulet('subscriptions', 'rotate-secret', groupId)}</code> prints another.
      </p>
    </Dialog>
  );
}
