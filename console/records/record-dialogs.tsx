// The actions on a record: deleting everything up to it, and writing a tombstone of its key.
import { rivulet } from '../data/command-lines.ts';
import { admin } from '../data/service.ts';
import { Dialog } from '../parts/dialog.tsx';
import { count } from '../parts/numbers.ts';
import type { Row } from './row.ts';
import { sendOne } from './send.ts';
import { isText, preview, textOf } from './text.ts';

type Props = { readonly topic: string; readonly row: Row; readonly onClose: () => void };

export function DeleteRecords({ topic, row: { partition, offset }, onClose }: Props) {
  const end = offset + 1;
  return (
    <Dialog
      title="Delete records"
      act="Delete"
      lost={`All records of partition ${partition} up to offset ${count(offset)}, this one included, are lost for every reader.`}
      command={rivulet('topics', 'delete-records', topic, '--offsets', `${partition}:${end}`)}
      onAct={() => admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: end }] })}
      onClose={onClose}
    />
  );
}

export function Tombstone({ topic, row: { partition, key }, onClose }: Props) {
  if (!key) return null;
  const line = isText(key) ? JSON.stringify(textOf(key)) : `{"type":"binary","data":"${key.toString('base64')}"}`;
  const record = `{"key":${line},"value":null,"partition":${partition}}`;
  return (
    <Dialog
      title="Write a tombstone"
      act="Write"
      lost={`Compaction removes the earlier records of the key ${preview(key, 60)} where cleanup.policy has compact, and readers take the key for deleted.`}
      command={`echo '${record.replaceAll("'", "'\\''")}' | ${rivulet('produce', topic, '--format', 'ndjson')}`}
      onAct={() => sendOne(topic, { key, value: null, partition })}
      onClose={onClose}
    />
  );
}
