import { useEffect, useRef, type KeyboardEvent } from 'react';
import { asText } from '../graph/json';
import type { Widget } from '../graph/schema';
import { beginGesture, editValue, endGesture } from '../state/edits';
import type { FieldProps } from './field';

/** Keys for the field, not for the canvas; the page's commands with Ctrl still work. */
function keep(event: KeyboardEvent): void {
  if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
}

/** What is typed between entering and leaving a field is one undo step. */
function useTyping(): { onFocus: () => void; onBlur: () => void } {
  const typing = useRef(false);
  const onFocus = (): void => {
    typing.current = true;
    beginGesture();
  };
  const onBlur = (): void => {
    typing.current = false;
    endGesture();
  };
  // A card that leaves the view is unmounted without a blur event.
  useEffect(() => () => {
    if (typing.current) endGesture();
  }, []);
  return { onFocus, onBlur };
}

/** Text of one or several lines. */
export function TextField({ node, input, widget, value }: FieldProps<Extract<Widget, { kind: 'text' }>>) {
  const typing = useTyping();
  const common = { value: asText(value), 'aria-label': input.label, onKeyDown: keep, spellCheck: false, ...typing };
  const change = (text: string): void => editValue(node, input.name, text);
  if (widget.multiline) {
    return <textarea className="nodrag nowheel" placeholder={input.label} {...common} onChange={(event) => change(event.currentTarget.value)} />;
  }
  return (
    <label className="nodrag text">
      <span className="label">{input.label}</span>
      <input type="text" autoComplete="off" {...common} onChange={(event) => change(event.currentTarget.value)} />
    </label>
  );
}
