import { useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import { formatNumber, parseNumber, stepNumber } from '../graph/numbers';
import type { NumberValue, NumberWidget } from '../graph/schema';
import { beginGesture, editValue, endGesture } from '../state/edits';
import type { FieldProps } from './field';

/** Pixels of drag per step. */
const DRAG_PX = 6;
const KEY_STEPS: Readonly<Record<string, number>> = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

function asNumber(value: unknown, widget: NumberWidget): NumberValue {
  return typeof value === 'number' || typeof value === 'bigint' ? value : widget.default;
}

/** A number: drag sideways, type, or step with the arrow keys. */
export function NumberField({ node, input, widget, value }: FieldProps<NumberWidget>) {
  const current = asNumber(value, widget);
  const [draft, setDraft] = useState<string | null>(null);
  const drag = useRef<{ x: number; start: NumberValue; moved: boolean } | null>(null);
  const set = (next: NumberValue): void => editValue(node, input.name, next);

  const finish = (): void => {
    if (draft === null) return;
    const next = parseNumber(draft, widget);
    setDraft(null);
    if (next !== undefined) set(next);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const steps = KEY_STEPS[event.key];
    if (steps !== undefined) {
      event.preventDefault();
      setDraft(null);
      set(stepNumber(current, steps, widget));
    } else if (event.key === 'Enter' && !event.ctrlKey) finish();
    else if (event.key === 'Escape') setDraft(null);
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  };
  const onPointerDown = (event: PointerEvent<HTMLLabelElement>): void => {
    if (event.button !== 0 || draft !== null) return;
    drag.current = { x: event.clientX, start: current, moved: false };
  };
  const onPointerMove = (event: PointerEvent<HTMLLabelElement>): void => {
    const held = drag.current;
    if (!held || event.buttons !== 1) return;
    const steps = Math.trunc((event.clientX - held.x) / DRAG_PX);
    if (!held.moved && steps === 0) return;
    if (!held.moved) {
      held.moved = true;
      event.currentTarget.setPointerCapture(event.pointerId);
      beginGesture();
    }
    set(stepNumber(held.start, steps * (event.shiftKey ? 10 : 1), widget));
  };
  return (
    <label
      className="nodrag number" onPointerDown={onPointerDown} onPointerMove={onPointerMove} onLostPointerCapture={endGesture}
      // The click that ends a drag must not put the cursor into the field.
      onClick={(event) => drag.current?.moved === true && event.preventDefault()}
    >
      <span className="label">{input.label}</span>
      <input
        role="spinbutton" inputMode="decimal" autoComplete="off" aria-label={input.label} aria-valuenow={Number(current)}
        aria-valuemin={Number(widget.min)} aria-valuemax={Number(widget.max)} value={draft ?? formatNumber(current, widget)}
        onFocus={(event) => event.currentTarget.select()} onChange={(event) => setDraft(event.currentTarget.value)}
        onBlur={finish} onKeyDown={onKeyDown}
      />
    </label>
  );
}
