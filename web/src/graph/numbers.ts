/** Numbers in widgets: shown, typed, stepped and kept within limits. */
import { calculate } from './arithmetic';
import { tidyInteger, wholePart } from './seeds';
import type { NumberValue, NumberWidget } from './schema';

function decimals(step: number): number {
  const text = step.toString();
  if (text.includes('e-')) return Number(text.split('e-')[1]);
  return text.split('.')[1]?.length ?? 0;
}

/** Digits to show: floats at least two, with the decimal sign of the user's language. Thousands are never grouped. */
export function formatNumber(value: NumberValue, widget: NumberWidget, sign = '.'): string {
  if (typeof value === 'bigint' || widget.kind !== 'float') return value.toString();
  const shown = value.toFixed(Math.max(2, decimals(widget.step)));
  return (Number(shown) === value ? shown : String(Number(value.toPrecision(12)))).replace('.', sign);
}

function clamp<T extends NumberValue>(value: T, min: T, max: T): T {
  return value < min ? min : value > max ? max : value;
}

/** The value within the widget's limits; whole where the widget is whole. */
export function fitNumber(value: NumberValue, widget: NumberWidget): NumberValue {
  if (widget.kind === 'float') return clamp(Number(value), Number(widget.min), Number(widget.max));
  const whole = typeof value === 'bigint' ? value : BigInt(Math.round(value));
  return tidyInteger(clamp(whole, wholePart(widget.min), wholePart(widget.max)));
}

/** What was typed, or undefined where it is no number. A decimal comma is understood, and so is arithmetic. */
export function parseNumber(text: string, widget: NumberWidget): NumberValue | undefined {
  const clean = text.trim().replace(',', '.');
  if (/^[+-]?\d+$/.test(clean)) return fitNumber(BigInt(clean.replace('+', '')), widget);
  const value = calculate(clean.replaceAll(',', '.'));
  return value === undefined ? undefined : fitNumber(value, widget);
}

/** How far a value lies between its limits, from 0 to 1. */
export function shareOf(value: NumberValue, { min, max }: NumberWidget): number {
  const [from, to] = [Number(min), Number(max)];
  return to > from ? clamp((Number(value) - from) / (to - from), 0, 1) : 0;
}

/** How many steps lie between a widget's limits. */
export function stepsWithin({ min, max, step }: NumberWidget): number {
  return (Number(max) - Number(min)) / step;
}

/** The value moved by some steps, rounded to the step's digits. */
export function stepNumber(value: NumberValue, steps: number, widget: NumberWidget): NumberValue {
  if (widget.kind !== 'float') return fitNumber(wholePart(value) + BigInt(Math.trunc(steps * widget.step)), widget);
  const moved = Number(value) + steps * widget.step;
  return fitNumber(Number(moved.toFixed(Math.max(decimals(widget.step), 6))), widget);
}
