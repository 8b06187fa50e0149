import { asText } from '../graph/json';
import type { Widget } from '../graph/schema';
import { editValue } from '../state/edits';
import type { FieldProps } from './field';
import { keep, useTyping } from './useTyping';

/** Text of one line. */
export function TextField({ node, input, value }: FieldProps<Extract<Widget, { kind: 'text' }>>) {
  const typing = useTyping();
  return (
    <label className="nodrag text">
      <span className="label">{input.label}</span>
      <input
        type="text" autoComplete="off" spellCheck={false} aria-label={input.label} value={asText(value)} onKeyDown={keep} {...typing}
        onChange={(event) => editValue(node, input.name, event.currentTarget.value)}
      />
    </label>
  );
}
