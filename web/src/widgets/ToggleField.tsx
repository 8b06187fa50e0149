import type { Widget } from '../graph/schema';
import { editValue } from '../state/edits';
import type { FieldProps } from './field';

/** On or off. */
export function ToggleField({ node, input, value }: FieldProps<Extract<Widget, { kind: 'toggle' }>>) {
  const on = value === true;
  return (
    <button type="button" role="switch" aria-checked={on} aria-label={input.label} className="nodrag toggle" onClick={() => editValue(node, input.name, !on)}>
      <span className="label">{input.label}</span>
      <span className="track" aria-hidden="true"><span /></span>
    </button>
  );
}
