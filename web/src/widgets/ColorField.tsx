import type { NumberWidget } from '../graph/schema';
import { editValue } from '../state/edits';
import type { FieldProps } from './field';
import { useTyping } from './useTyping';

/** A colour stored as one number, 0xRRGGBB. */
export function ColorField({ node, input, value }: FieldProps<NumberWidget>) {
  // The browser's own chooser reports every colour that is passed over.
  const choosing = useTyping();
  const hex = `#${Number(value).toString(16).padStart(6, '0')}`;
  return (
    <label className="nodrag select">
      <span className="label">{input.label}</span>
      <span className="hex">{hex}</span>
      <input type="color" aria-label={input.label} value={hex} {...choosing} onChange={(event) => editValue(node, input.name, parseInt(event.currentTarget.value.slice(1), 16))} />
    </label>
  );
}
