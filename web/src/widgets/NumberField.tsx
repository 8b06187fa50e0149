import { useRef, useState, type CSSProperties, type KeyboardEvent, type PointerEvent } from 'react';
import { formatNumber, parseNumber, shareOf, stepNumber, stepsWithin } from '../graph/numbers';
import type { NumberValue, NumberWidget } from '../graph/schema';
import { beginGesture, editValue, endGesture } from '../state/edits';
import { isHeld, letGo, takeHold } from '../state/holding';
import { TEXT } from '../text';
import type { FieldProps } from './field';
import { keep } from './useTyping';

/** Pixels of drag per step. */
const DRAG_PX = 6;
/** How much slower a drag is with Shift. */
const FINE = 5;
const KEY_STEPS: Readonly<Record<string, number>> = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 };

function asNumber(value: unknown, widget: NumberWidget): NumberValue {
  return typeof value === 'number' || typeof value === 'bigint' ? value : widget.default;
}

/** A number: drag sideways (with Shift: slowly), type a value or a sum, or step with the arrow keys. */
export function NumberField({ node, input, widget, value }: FieldProps<NumberWidget>) {
  const current = asNumber(value, widget);
  const [draft, setDraft] = useState<string | null>(null);
  const drag = useRef<{ x: number; start: NumberValue } | null>(null);
  const dragged = useRef(false);
  const shown = formatNumber(current, widget, TEXT.decimalSign);
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
      beginGesture(); // a key that is held is one step to undo
      set(stepNumber(current, steps, widget));
    } else if (event.key === 'Enter' && !event.ctrlKey) finish();
    else if (event.key === 'Escape') setDraft(null);
    keep(event);
  };
  const onBlur = (): void => {
    finish();
    endGesture();
  };
  const onPointerDown = (event: PointerEvent<HTMLLabelElement>): void => {
    if (event.button !== 0 || draft !== null) return;
    drag.current = { x: event.clientX, start: current };
    dragged.current = false;
  };
  const onPointerMove = (event: PointerEvent<HTMLLabelElement>): void => {
    const held = drag.current;
    if (!held || event.buttons !== 1) return;
    const { clientX, shiftKey, currentTarget } = event;
    // A slider follows the pointer: its whole width is its whole range.
    const stepPx = widget.slider ? currentTarget.getBoundingClientRect().width / stepsWithin(widget) : DRAG_PX;
    const steps = Math.trunc((clientX - held.x) / (shiftKey ? stepPx * FINE : stepPx));
    if (!dragged.current) {
      if (steps === 0) return;
      dragged.current = true;
      event.currentTarget.setPointerCapture(event.pointerId);
      takeHold();
    }
    if (isHeld()) set(stepNumber(held.start, steps, widget));
  };
  const onPointerEnd = (): void => {
    drag.current = null;
    if (dragged.current) letGo();
  };
  return (
    <label
      className={widget.slider ? 'nodrag number slider' : 'nodrag number'} style={widget.slider ? ({ '--share': shareOf(current, widget) } as CSSProperties) : undefined} onPointerDown={onPointerDown} onPointerMove={onPointerMove}
      // Whatever is dragged over it later is none of its business.
      onPointerUp={onPointerEnd} onPointerCancel={onPointerEnd} onPointerLeave={onPointerEnd} onLostPointerCapture={onPointerEnd}
      // The click that ends a drag must not put the cursor into the field.
      onClick={(event) => dragged.current && event.preventDefault()}
    >
      <span className="label">{input.label}</span>
      <input
        role="spinbutton" inputMode="decimal" autoComplete="off" aria-label={input.label} aria-valuenow={Number(current)}
        aria-valuemin={Number(widget.min)} aria-valuemax={Number(widget.max)} aria-valuetext={shown} value={draft ?? shown}
        onFocus={(event) => event.currentTarget.select()} onChange={(event) => setDraft(event.currentTarget.value)}
        onBlur={onBlur} onKeyDown={onKeyDown} onKeyUp={endGesture}
      />
    </label>
  );
}
