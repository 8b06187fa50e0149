import { asText } from '../graph/json';
import type { Widget } from '../graph/schema';
import { thumbnailUrl } from '../api/client';
import { editValue } from '../state/edits';
import { inputRef } from '../state/upload';
import { TEXT } from '../text';
import { Combo } from './Combo';
import type { FieldProps } from './field';

type ListWidget = Extract<Widget, { kind: 'select' | 'file' }>;

/** With more than these, or with pictures, a list that can be searched is better than the browser's own. */
const FEW = 10;

function pictureOf(name: string): string {
  return thumbnailUrl(inputRef(name));
}

/** One of a list; a value the list lacks stays chosen and is marked. */
export function SelectField({ node, input, widget, value }: FieldProps<ListWidget>) {
  const options = widget.options.map((option) => asText(option));
  const current = asText(value);
  const missing = current !== '' && !options.includes(current);
  const choose = (text: string): void => {
    const option = widget.options.find((candidate) => asText(candidate) === text);
    editValue(node, input.name, option ?? text);
  };
  if (widget.kind === 'file') return <Combo label={input.label} value={current} options={options} missing={missing} pictureOf={pictureOf} onChoose={choose} />;
  if (options.length > FEW) return <Combo label={input.label} value={current} options={options} missing={missing} onChoose={choose} />;
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
