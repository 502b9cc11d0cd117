// The columns of the table of records. Keys and values are shown by their beginnings, as text.
import type { Column } from '../parts/table.tsx';
import { Time } from '../parts/time.tsx';
import type { Row } from './row.ts';
import { preview } from './text.ts';

export const columns: readonly Column<Row>[] = [
  {
    label: 'Offset',
    numeric: true,
    cell: (row) => (
      <button type="button" className="linked" title="Open the record">
        {row.offset}
      </button>
    ),
  },
  { label: 'Partition', numeric: true, cell: ({ partition }) => partition },
  { label: 'Time', cell: ({ timestamp }) => <Time ms={timestamp} /> },
  { label: 'Key', cell: ({ key }) => <Bytes bytes={key} most={40} /> },
  { label: 'Value', long: true, cell: ({ value }) => <Bytes bytes={value} most={300} /> },
];

function Bytes({ bytes, most }: { readonly bytes: Buffer | null; readonly most: number }) {
  if (bytes === null) return <span className="faint">null</span>;
  return <bdi className="mono">{preview(bytes, most)}</bdi>;
}
