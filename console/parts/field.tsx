// A labelled control of a form. The label stands above the control, and a note below it.
import type { ReactNode } from 'react';

export function Field({ label, note, children }: { label: string; note?: ReactNode; children: ReactNode }) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is the child.
    <label className="field">
      <span>{label}</span>
      {children}
      {note && <small className="faint">{note}</small>}
    </label>
  );
}
