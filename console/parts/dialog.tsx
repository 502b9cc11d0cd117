// The dialog of an action: what it does, what is lost by it, and the command line that does the same. It is a native
// <dialog>, so that Escape closes it and the focus stays inside and returns.
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Command } from './copy.tsx';
import { Problem } from './problem.tsx';

type Props = {
  readonly title: string;
  /** The equivalent command. It is left out while the fields make none. */
  readonly command?: string | undefined;
  /** A sentence that names what is lost. With it the button looks dangerous. */
  readonly lost?: ReactNode;
  readonly act: string;
  /** Closes the dialog when it resolves. An error is shown, and the dialog stays. */
  readonly onAct: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly disabled?: boolean;
  /** False for a dialog that only shows something. */
  readonly hasCancel?: boolean;
  readonly children?: ReactNode;
};

export function Dialog({
  title,
  command,
  lost,
  act,
  onAct,
  onClose,
  disabled = false,
  hasCancel = true,
  children,
}: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [state, setState] = useState<{ busy: boolean; error?: unknown }>({ busy: false });
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async (): Promise<void> => {
    setState({ busy: true });
    try {
      await onAct();
      // The browser returns the focus to where it was, and tells of the end by the event `close`.
      dialog.current?.close();
    } catch (error) {
      setState({ busy: false, error });
    }
  };
  return (
    <dialog ref={dialog} onClose={onClose} aria-label={title}>
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h2>{title}</h2>
        {children}
        {lost && <p className="lost">{lost}</p>}
        {command !== undefined && (
          <details open>
            <summary>The same on the command line</summary>
            <Command line={command} />
          </details>
        )}
        <Problem error={state.error} />
        <div className="buttons">
          {hasCancel && (
            <button type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          )}
          <button type="submit" className={lost ? 'danger' : 'main'} disabled={disabled || state.busy}>
            {state.busy ? 'Working ...' : act}
          </button>
        </div>
      </form>
    </dialog>
  );
}
