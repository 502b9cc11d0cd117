// The bytes of a key, a value or a header: as JSON, text or hex. Only the first 64 KiB are drawn until the person asks for
// more, so that a large record does not freeze the page.
import { useMemo, useState } from 'react';
import { Copy } from '../parts/copy.tsx';
import { bytes as size } from '../parts/numbers.ts';
import { save } from './downloads.tsx';
import { hexOf, isText, prettyJson, textOf, visible } from './text.ts';

const previewBytes = 64 * 1024;

type Form = 'JSON' | 'Text' | 'Hex';
type Props = { readonly name: string; readonly bytes: Buffer | null; readonly file: string };

export function Content({ name, bytes, file }: Props) {
  const [all, setAll] = useState(false);
  const [chosen, setChosen] = useState<Form>();
  const shown = useMemo(() => bytes && (all ? bytes : bytes.subarray(0, previewBytes)), [bytes, all]);
  const json = useMemo(() => (shown && isText(shown) ? prettyJson(textOf(shown)) : undefined), [shown]);
  if (!bytes || !shown)
    return (
      <div className="content">
        <strong>{name}</strong> <span className="faint">null</span>
      </div>
    );
  const forms: readonly Form[] = json === undefined ? ['Text', 'Hex'] : ['JSON', 'Text', 'Hex'];
  const form = chosen && forms.includes(chosen) ? chosen : json !== undefined ? 'JSON' : isText(shown) ? 'Text' : 'Hex';
  const text = form === 'Hex' ? hexOf(shown) : visible(form === 'JSON' ? json! : textOf(shown));
  return (
    <section className="content" aria-label={name}>
      <div className="buttons">
        <strong>{name}</strong>
        <span className="faint" title={`${bytes.length} bytes`}>
          {size(bytes.length)}
        </span>
        {forms.map((one) => (
          <button key={one} type="button" aria-pressed={one === form} onClick={() => setChosen(one)}>
            {one}
          </button>
        ))}
        <Copy text={() => textOf(bytes)} />
        <button type="button" onClick={() => save(file, 'application/octet-stream', Uint8Array.from(bytes))}>
          Save
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard. */}
      <pre className={form === 'Hex' ? 'hex' : undefined} tabIndex={0}>
        {text}
      </pre>
      {shown.length < bytes.length && (
        <p>
          These are the first {size(previewBytes)} of {size(bytes.length)}.{' '}
          <button type="button" onClick={() => setAll(true)}>
            Show all
          </button>
        </p>
      )}
    </section>
  );
}
