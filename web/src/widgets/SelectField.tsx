import { asText } from '../graph/json';
import type { Widget } from '../graph/schema';
import { editValue } from '../state/edits';
import { TEXT } from '../text';
import type { FieldProps } from './field';

type ListWidget = Extract<Widget, { kind: 'select' | 'file' }>;

/** One of a list; a value the list lacks stays chosen and is marked. */
export function SelectField({ node, input, widget, value }: FieldProps<ListWidget>) {
  const options = widget.options.map((option) => asText(option));
  const current = asText(value);
  const missing = current !== '' && !options.includes(current);
  const choose = (text: string): void => {
    const option = widget.options.find((candidate) => asText(candidate) === text);
    editValue(node, input.name, option ?? text);
  };
  return (
    <label className={missing ? 'nodrag select missing' : 'nodrag select'}>
      <span className="label">{input.label}</span>
      <select aria-label={input.label} title={missing ? TEXT.card.notFound(current) : current} aria-invalid={missing} value={current} onChange={(event) => choose(event.currentTarget.value)}>
        {current === '' && <option value="" />}
        {missing && <option value={current}>{TEXT.card.missing(current)}</option>}
        {options.map((option) => <option key={option} value={option}>{option}</option>)}
      </select>
    </label>
  );
}
