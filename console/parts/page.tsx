// The head of a page: its name, and what can be done there. It also names the browser's tab.
import { type ReactNode, useEffect } from 'react';

export function PageHead({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} - Rivulet console`;
  }, [title]);
  return (
    <div className="head">
      <h1>{title}</h1>
      <div className="buttons">{children}</div>
    </div>
  );
}

/** One figure with its name, and a line below it. */
export function Figure({ label, value, note }: { label: string; value: ReactNode; note?: ReactNode }) {
  return (
    <div className="figure">
      <div className="faint">{label}</div>
      <div className="value">{value}</div>
      {note && <div className="faint">{note}</div>}
    </div>
  );
}

export const Loading = () => (
  <p className="faint" role="status">
    Loading ...
  </p>
);
