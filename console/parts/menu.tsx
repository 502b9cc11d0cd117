// A button with a list of actions, as a native popover: Escape and a click elsewhere close it.
import { type ReactNode, useId, useRef } from 'react';

export type Action = { readonly label: string; readonly act: () => void; readonly danger?: boolean };

export function Menu({ label, actions }: { readonly label: ReactNode; readonly actions: readonly Action[] }) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  return (
    <>
      <button type="button" popoverTarget={id} style={{ anchorName: `--${id}` } as object}>
        {label}
      </button>
      <div ref={list} id={id} popover="auto" className="menu" style={{ positionAnchor: `--${id}` } as object}>
        {actions.map(({ label, act, danger }) => (
          <button
            key={label}
            type="button"
            className={danger ? 'dangerous' : undefined}
            onClick={() => {
              list.current?.hidePopover();
              act();
            }}
          >
            {label}
          </button>
        ))}
      </div>
    </>
  );
}
