import { useEffect, useLayoutEffect, useRef, type KeyboardEvent, type RefObject } from 'react';
import { emphasize } from '../graph/emphasis';
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

/** Hundredths of weight per press. */
const WEIGHT_STEPS: Readonly<Record<string, number>> = { ArrowUp: 5, ArrowDown: -5 };

/** Ctrl with the up or down key weighs the selection, or the word at the cursor. */
function useEmphasis(area: RefObject<HTMLTextAreaElement | null>, change: (text: string) => void): (event: KeyboardEvent) => void {
  const selection = useRef<[number, number] | null>(null);
  // The text is drawn anew before the selection can be set on it.
  useLayoutEffect(() => {
    if (selection.current) area.current?.setSelectionRange(...selection.current);
    selection.current = null;
  });
  return (event) => {
    const step = WEIGHT_STEPS[event.key];
    const held = area.current;
    if (step === undefined || !held || !(event.ctrlKey || event.metaKey)) {
      keep(event);
      return;
    }
    event.preventDefault();
    const { text, start, end } = emphasize({ text: held.value, start: held.selectionStart, end: held.selectionEnd }, step);
    selection.current = [start, end];
    change(text);
  };
}

/** Text of one or several lines. */
export function TextField({ node, input, widget, value }: FieldProps<Extract<Widget, { kind: 'text' }>>) {
  const typing = useTyping();
  const area = useRef<HTMLTextAreaElement>(null);
  const onKeyDown = useEmphasis(area, (text) => editValue(node, input.name, text));
  const common = { value: asText(value), 'aria-label': input.label, onKeyDown: keep, spellCheck: false, ...typing };
  const change = (text: string): void => editValue(node, input.name, text);
  if (widget.multiline) {
    return <textarea ref={area} className="nodrag nowheel" placeholder={input.label} {...common} onKeyDown={onKeyDown} onChange={(event) => change(event.currentTarget.value)} />;
  }
  return (
    <label className="nodrag text">
      <span className="label">{input.label}</span>
      <input type="text" autoComplete="off" {...common} onChange={(event) => change(event.currentTarget.value)} />
    </label>
  );
}
