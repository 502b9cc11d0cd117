// The fields of the settings that a subscription may have when it is created, and that can be changed later.
import { Field } from '../parts/field.tsx';
import { destinationNote } from './dead-letters.ts';
import { numbers, type SubscriptionForm, type Switch } from './request.ts';

export type Fields = {
  readonly form: SubscriptionForm;
  readonly onChange: (change: Partial<SubscriptionForm>) => void;
};

/** `before` is the form of the settings of now. */
export function Failures({ form, before, onChange }: Fields & { readonly before?: SubscriptionForm }) {
  return (
    <Field label="Dead letters to" note={destinationNote(form, before)}>
      <input value={form.onFailure} onChange={(event) => onChange({ onFailure: event.target.value })} />
    </Field>
  );
}

/** `offered` are the switches to show. */
export function More({ form, onChange, offered }: Fields & { readonly offered: readonly Switch[] }) {
  return (
    <div className="stack">
      {numbers.map(({ name, label, note, usual, min, max }) => (
        <Field key={name} label={label} note={`${note} Default: ${usual}.`}>
          <input
            {...{ type: 'number', min, max, placeholder: usual, value: form[name] ?? '' }}
            onChange={(event) => onChange({ [name]: event.target.value })}
          />
        </Field>
      ))}
      <Field
        label="Filters"
        note="A pattern a line. A record is delivered if it meets one of them. Default: every record."
      >
        <textarea rows={2} value={form.filters} onChange={(event) => onChange({ filters: event.target.value })} />
      </Field>
      {offered.map(({ name, note }) => (
        <label key={name}>
          <input
            type="checkbox"
            checked={form[name] ?? false}
            onChange={(event) => onChange({ [name]: event.target.checked })}
          />{' '}
          {note}
        </label>
      ))}
    </div>
  );
}
