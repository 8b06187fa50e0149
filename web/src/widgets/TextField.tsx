import { useEffect, useState, type KeyboardEvent } from 'react';
import { asText } from '../graph/json';
import type { Widget } from '../graph/schema';
import { beginGesture, editValue, endGesture } from '../state/edits';
import type { FieldProps } from './WidgetRow';

/** Keys for the field, not for the canvas; the page's commands with Ctrl still work. */
function keep(event: KeyboardEvent): void {
  if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
}

/** Text of one or several lines; what is typed between entering and leaving the field is one step. */
export function TextField({ node, input, widget, value }: FieldProps<Extract<Widget, { kind: 'text' }>>) {
  const text = asText(value);
  const [draft, setDraft] = useState(text);
  useEffect(() => setDraft(text), [text]);
  const change = (next: string): void => {
    setDraft(next);
    editValue(node, input.name, next);
  };
  const common = {
    value: draft, 'aria-label': input.label, onFocus: beginGesture, onBlur: endGesture, onKeyDown: keep,
  };
  if (widget.multiline) {
    return <textarea className="nodrag nowheel" placeholder={input.label} spellCheck={false} {...common} onChange={(e) => change(e.currentTarget.value)} />;
  }
  return (
    <label className="nodrag text">
      <span className="label">{input.label}</span>
      <input type="text" autoComplete="off" spellCheck={false} {...common} onChange={(e) => change(e.currentTarget.value)} />
    </label>
  );
}
