import type { NumberWidget } from '../graph/schema';
import { editValue } from '../state/edits';
import type { FieldProps } from './field';

/** A colour stored as one number, 0xRRGGBB. */
export function ColorField({ node, input, value }: FieldProps<NumberWidget>) {
  const hex = `#${Number(value).toString(16).padStart(6, '0')}`;
  return (
    <label className="nodrag select">
      <span className="label">{input.label}</span>
      <input type="color" aria-label={input.label} value={hex} onChange={(event) => editValue(node, input.name, parseInt(event.currentTarget.value.slice(1), 16))} />
    </label>
  );
}
