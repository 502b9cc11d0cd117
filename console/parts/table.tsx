// A table that sorts, and draws only the rows in view once there are many. Its head stays at the top while it scrolls.
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';

export type Column<Row> = {
  readonly label: string;
  readonly cell: (row: Row) => ReactNode;
  /** Makes the column sortable by this value. */
  readonly by?: (row: Row) => number | string;
  readonly numeric?: boolean;
  /** The column takes the width that is left, and its texts are cut off. */
  readonly long?: boolean;
};

type Props<Row> = {
  /** Says what the table holds, for people who do not see it. */
  readonly label: string;
  readonly className?: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string | number;
  /** The column that sorts at first, by its label; `-label` sorts from the greatest. */
  readonly sort?: string;
  /** Marks a row, by its key. */
  readonly marked?: string | number | undefined;
  /** A click on a row. A cell has a button for it too, because the keyboard needs one. */
  readonly onOpen?: (row: Row) => void;
  /** Draws only the rows in view, however few there are: for a table that grows. */
  readonly grows?: boolean;
  /** Called when the last rows come into view, if it grows. */
  readonly onEnd?: (() => void) | undefined;
};

const rowPixels = 33;
/** Up to here all rows are drawn, so that the browser's own search finds them. */
const allDrawn = 200;

export function Table<Row>({
  label,
  columns,
  rows,
  keyOf,
  sort: first = '',
  marked,
  onOpen,
  grows = false,
  onEnd,
  className = '',
}: Props<Row>) {
  const [sort, setSort] = useState(first);
  const sorted = useMemo(() => sortedBy(columns, rows, sort), [columns, rows, sort]);
  const scroll = useRef<HTMLDivElement>(null);
  const isLong = grows || sorted.length > allDrawn;
  const virtual = useVirtualizer({
    count: isLong ? sorted.length : 0,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowPixels,
    overscan: 20,
  });
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const isAtEnd = isLong && last >= sorted.length - 10;
  useEffect(() => {
    if (isAtEnd) onEnd?.();
  }, [isAtEnd, onEnd]);
  const shown = isLong ? items.map(({ index }) => sorted[index]!) : sorted;
  const above = items[0]?.start ?? 0;
  const below = isLong ? virtual.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
    <section className={`rows ${isLong ? 'long' : ''} ${className}`} ref={scroll} tabIndex={0} aria-label={label}>
      <table aria-rowcount={sorted.length + 1}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.label} column={column} sort={sort} onSort={setSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap pixels={above} />
          {shown.map((row) => (
            <tr
              key={keyOf(row)}
              className={keyOf(row) === marked ? 'marked' : undefined}
              onClick={onOpen && (() => isReading() || onOpen(row))}
            >
              {columns.map(({ label, numeric, long, cell }) => (
                <td key={label} className={numeric ? 'number' : long ? 'clip' : undefined}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
          <Gap pixels={below} />
        </tbody>
      </table>
    </section>
  );
}

/** A click that ends a selection of text opens nothing. */
const isReading = (): boolean => getSelection()?.isCollapsed === false;

/** Takes the place of rows that are not drawn. */
const Gap = ({ pixels }: { readonly pixels: number }) =>
  pixels > 0 ? (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row takes no focus.
    <tr aria-hidden="true">
      <td style={{ height: pixels, padding: 0 }} />
    </tr>
  ) : null;

type HeadingProps<Row> = { column: Column<Row>; sort: string; onSort: (sort: string) => void };

function Heading<Row>({ column: { label, by, numeric }, sort, onSort }: HeadingProps<Row>) {
  const order = sort === label ? 'ascending' : sort === `-${label}` ? 'descending' : 'none';
  const next = order === 'none' ? (numeric ? `-${label}` : label) : order === 'ascending' ? `-${label}` : label;
  return (
    <th scope="col" className={numeric ? 'number' : undefined} {...(by && { 'aria-sort': order })}>
      {by ? (
        <button type="button" onClick={() => onSort(next)}>
          {label}
          <span aria-hidden="true">{order === 'ascending' ? ' ↑' : order === 'descending' ? ' ↓' : ''}</span>
        </button>
      ) : (
        label
      )}
    </th>
  );
}

function sortedBy<Row>(columns: readonly Column<Row>[], rows: readonly Row[], sort: string): readonly Row[] {
  const by = columns.find(({ label }) => sort === label || sort === `-${label}`)?.by;
  if (!by) return rows;
  const sign = sort.startsWith('-') ? -1 : 1;
  return rows.toSorted((a, b) => sign * compared(by(a), by(b)));
}

function compared(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}
