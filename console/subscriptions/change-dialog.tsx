// The dialogs that change the settings of a subscription, and that make another secret for its webhook.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { SubscriptionDescription } from '../../client/admin/subscription-admin.ts';
import type { SubscriptionRef } from '../../lib/api/push.ts';
import { rivulet } from '../data/command-lines.ts';
import { admin } from '../data/service.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { changeable, changeOf, formOf } from './change-request.ts';
import { discarded } from './dead-letters.ts';
import type { SubscriptionForm } from './request.ts';
import { Failures, More } from './setting-fields.tsx';

type Props = {
  readonly of: SubscriptionDescription;
  readonly onDone: () => void;
  readonly onClose: () => void;
};

export function ChangeSettings({ of, onDone, onClose }: Props) {
  const cache = useQueryClient();
  // The settings at the opening of the dialog stay: the page behind it looks again and again.
  const [before] = useState(() => formOf(of));
  const [form, setForm] = useState(before);
  const change = changeOf(before, form);
  const fields = { form, onChange: (part: Partial<SubscriptionForm>) => setForm({ ...form, ...part }) };
  const update = async (): Promise<void> => {
    await admin.updateSubscription(change!.request);
    onDone();
    await cache.invalidateQueries({ queryKey: ['subscriptions'] });
  };
  return (
    <Dialog
      title={`Change settings: ${of.groupId}`}
      act="Change"
      lost={change && discarded(form, before)}
      command={change?.command}
      disabled={change === undefined}
      onAct={update}
      onClose={onClose}
    >
      <p>
        A delivery that is under way finishes with the old settings. An empty number stays as it is, but for
        Concurrency: then there is no limit.
      </p>
      <Field label={form.kind === 'webhook' ? 'URL' : 'ARN'}>
        <input value={form.target} required onChange={(event) => fields.onChange({ target: event.target.value })} />
      </Field>
      <Failures {...fields} before={before} />
      <More {...fields} offered={changeable} />
    </Dialog>
  );
}

type RotateProps = SubscriptionRef & { readonly onDone: (secret: string) => void; readonly onClose: () => void };

export function RotateSecret({ topic, groupId, onDone, onClose }: RotateProps) {
  const rotate = async (): Promise<void> => onDone((await admin.rotateSubscriptionSecret({ topic, groupId })).secret);
  return (
    <Dialog
      title={`Rotate secret: ${groupId}`}
      act="Rotate secret"
      lost="A new secret is made and shown once. The current secret also signs for one more day. After that, a receiver that still checks with it refuses the events."
      command={rivulet('subscriptions', 'rotate-secret', groupId)}
      onAct={rotate}
      onClose={onClose}
    />
  );
}
