// The actions on a subscription: each one asks first, shows its command line, and says in a sentence what came of it.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { TestDelivery } from '../../client/admin/subscription-admin.ts';
import type { RetryReply, SubscriptionRef } from '../../lib/api/push.ts';
import { rivulet } from '../data/command-lines.ts';
import { admin } from '../data/service.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Field } from '../parts/field.tsx';
import { plural } from '../parts/numbers.ts';

type Doing = {
  readonly label: string;
  /** The words behind `rivulet subscriptions`, around the group. */
  readonly command: readonly [name: string, ...flags: string[]];
  readonly says: string;
  readonly isLoss?: true;
  /** Resolves with a sentence. */
  readonly run: (ref: SubscriptionRef, reason: string) => Promise<string>;
};

const doings = {
  pause: {
    label: 'Pause',
    command: ['pause'],
    says: 'No further delivery begins; one that is under way ends. Records wait in the topic, as long as its retention keeps them.',
    run: async (ref, reason) => {
      await admin.pauseSubscription({ ...ref, ...(reason !== '' && { reason }) });
      return 'It is paused.';
    },
  },
  resume: {
    label: 'Resume',
    command: ['resume'],
    says: 'The deliveries go on with the first record that is not delivered.',
    run: async (ref) => {
      const { lag } = await admin.resumeSubscription(ref);
      return `It is resumed, with ${plural(lag, 'record')} to deliver.`;
    },
  },
  retryNow: {
    label: 'Retry now',
    command: ['retry', '--now'],
    says: 'Batches that wait after a failure are tried immediately. In AWS this does not shorten a wait of up to 20 s.',
    run: async (ref) => {
      await admin.retrySubscriptionNow(ref);
      return 'Failing batches are tried now.';
    },
  },
  retry: {
    label: 'Retry dead letters',
    command: ['retry'],
    says: 'The records that it gave up are delivered once more, in their order, up to the first that fails again.',
    run: async (ref) => retried(await admin.retryDeadLetters(ref)),
  },
  test: {
    label: 'Test-invoke',
    command: ['test-invoke'],
    says: 'The target gets one event with a sample record. Nothing is committed.',
    run: async (ref) => tested(await admin.testSubscription(ref)),
  },
  delete: {
    label: 'Delete',
    command: ['delete'],
    says: "Its settings, its webhook's secret and the tries of failing batches are lost, and nothing is delivered any more. The offsets, the records and the dead letters stay: a consumer may go on from them.",
    isLoss: true,
    run: async (ref) => {
      await admin.deleteSubscription(ref);
      return 'It is deleted.';
    },
  },
} as const satisfies Readonly<Record<string, Doing>>;

function retried({ delivered, skipped, failed }: RetryReply): string {
  const others =
    skipped === 0
      ? ''
      : ` ${plural(skipped, 'record')} skipped: no dead letter of this subscription, or one without its record.`;
  return failed
    ? `${plural(delivered, 'dead letter')} delivered; the one at partition ${failed.partition}, offset ${failed.offset} failed again: ${failed.error}${others}`
    : `${plural(delivered, 'dead letter')} delivered.${others}`;
}

const tested = ({ outcome, error }: TestDelivery): string =>
  `The test event: ${outcome}${error === undefined ? '.' : `: ${error}`}`;

export type Asked = SubscriptionRef & { readonly doing: keyof typeof doings };

type Ask = (doing: Asked['doing']) => void;

/** For a menu, or for a row of buttons. A subscription that is paused can be resumed, and another one paused. */
export const actionsOf = (isPaused: boolean, ask: Ask) =>
  ([isPaused ? 'resume' : 'pause', 'retryNow', 'retry', 'test', 'delete'] as const).map((doing) => ({
    label: doings[doing].label,
    act: () => ask(doing),
    danger: doing === 'delete',
  }));

type Props = {
  readonly asked: Asked;
  /** Gets the sentence that says what came of it. */
  readonly onDone: (sentence: string) => void;
  readonly onClose: () => void;
};

export function ActionOn({ asked: { doing, topic, groupId }, onDone, onClose }: Props) {
  const cache = useQueryClient();
  const [reason, setReason] = useState('');
  const { label, command, says, isLoss, run }: Doing = doings[doing];
  const [name, ...flags] = command;
  const act = async (): Promise<void> => {
    onDone(`${groupId}: ${await run({ topic, groupId }, reason.trim())}`);
    // The list comes first, so that nothing asks for the description of a subscription that is gone.
    await cache.invalidateQueries({ queryKey: ['subscriptions'], exact: true });
    if (doing === 'delete') cache.removeQueries({ queryKey: ['subscriptions', topic, groupId] });
    else await cache.invalidateQueries({ queryKey: ['subscriptions', topic, groupId] });
  };
  return (
    <Dialog
      title={`${label}: ${groupId}`}
      act={label}
      {...(isLoss && { lost: says })}
      command={rivulet('subscriptions', name, groupId, ...flags, ...(reason.trim() ? ['--reason', reason.trim()] : []))}
      onAct={act}
      onClose={onClose}
    >
      {!isLoss && <p>{says}</p>}
      {doing === 'pause' && (
        <Field label="Reason" note="For the people who find it paused. It may be empty.">
          <input value={reason} onChange={(event) => setReason(event.target.value)} />
        </Field>
      )}
    </Dialog>
  );
}

/** This says what came of the last action. */
export const Said = ({ sentence }: { readonly sentence: string | undefined }) => (
  <p role="status" className={sentence === undefined ? 'only-read' : 'card'}>
    {sentence}
  </p>
);
