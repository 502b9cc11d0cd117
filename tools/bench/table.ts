// Prints results as plain aligned tables: the first column to the left, the others to the right.

export type Cell = string | number;

export function printTable(title: string, header: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const lines = [header, ...rows].map((row) => row.map(String));
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  const printed = lines.map((line) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  '),
  );
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  console.log([`\n${title}`, printed[0], rule, ...printed.slice(1)].join('\n'));
}

export const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;
export const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
export const decimal = (value: number, digits: number): string => value.toFixed(digits);
export const sizeName = (bytes: number): string => {
  if (bytes >= 2 ** 20) return `${bytes / 2 ** 20} MiB`;
  return bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`;
};
