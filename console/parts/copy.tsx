// A button that copies a text, and a command line with such a button.
import { useState } from 'react';

export function Copy({ text, label = 'Copy' }: { readonly text: string | (() => string); readonly label?: string }) {
  const [said, setSaid] = useState('');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(typeof text === 'string' ? text : text());
      setSaid('Copied');
    } catch {
      setSaid('The browser refused');
    }
    setTimeout(() => setSaid(''), 2_000);
  };
  return (
    <button type="button" onClick={() => void copy()}>
      {said || label}
    </button>
  );
}

export function Command({ line }: { readonly line: string }) {
  return (
    <div className="command">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard. */}
      <pre tabIndex={0}>{line}</pre>
      <Copy text={line} />
    </div>
  );
}
