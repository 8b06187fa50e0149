import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent, type RefObject } from 'react';
import type { PromptLength } from '../api/wire';
import { emphasize } from '../graph/emphasis';
import { asText } from '../graph/json';
import { lengthLine } from '../graph/promptLength';
import { isNegativePrompt } from '../graph/promptRole';
import type { InputSpec, Widget } from '../graph/schema';
import { editValue } from '../state/edits';
import { watchPromptLength } from '../state/promptLength';
import { useStore } from '../state/store';
import { TEXT } from '../text';
import type { FieldProps } from './field';
import { keep, useTyping } from './useTyping';

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

/** The text's length to the encoders that read it; null where none does, or it is not known. */
function usePromptLength(node: string, input: string): PromptLength | null {
  const [found, setFound] = useState<PromptLength | null>(null);
  useEffect(() => watchPromptLength(node, input, setFound), [node, input]);
  return found;
}

/** What stands in an empty field: what a prompt is for, else the field's own help. */
function usePlaceholder(node: string, { help, label }: InputSpec, isPrompt: boolean): string {
  const isNegative = useStore((s) => isPrompt && isNegativePrompt(s.graph, node));
  if (!isPrompt) return help || label;
  return isNegative ? TEXT.placeholders.negative : TEXT.placeholders.prompt;
}

/** Text of several lines. While it is written in, it is as tall as its text. */
export function TextArea({ node, input, widget, value }: FieldProps<Extract<Widget, { kind: 'text' }>>) {
  const typing = useTyping();
  const area = useRef<HTMLTextAreaElement>(null);
  const onKeyDown = useEmphasis(area, (text) => editValue(node, input.name, text));
  const length = usePromptLength(node, input.name);
  const placeholder = usePlaceholder(node, input, widget.isPrompt === true && value === '');
  const id = useId();
  const line = length && lengthLine(length, input.name, TEXT.promptLength);
  const why = length?.problems.join(' ');
  return (
    <div className="area" title={why || undefined}>
      <textarea
        ref={area} className="nodrag nowheel" placeholder={placeholder} value={asText(value)} aria-label={input.label} aria-describedby={line?.text ? id : undefined} spellCheck={false}
        {...typing} onKeyDown={onKeyDown} onChange={(event) => editValue(node, input.name, event.currentTarget.value)}
      />
      {line?.text && <p id={id} className={line.isFull ? 'length full' : 'length'} title={why || TEXT.promptLength.explanation}>{line.text}</p>}
    </div>
  );
}
