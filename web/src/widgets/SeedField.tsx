import { SEED_CONTROLS, type SeedControl } from '../graph/model';
import type { NumberWidget } from '../graph/schema';
import { editControl } from '../state/edits';
import { TEXT } from '../text';
import { NumberField } from './NumberField';
import type { FieldProps } from './field';

/** A seed, and what happens to it after each run. */
export function SeedField({ control, ...props }: FieldProps<NumberWidget> & { control: SeedControl }) {
  const { node, input } = props;
  const name = TEXT.fields.control(input.label);
  return (
    <>
      <NumberField {...props} />
      <select
        className="nodrag control" aria-label={name} title={name} value={control}
        onChange={(event) => {
          const chosen = SEED_CONTROLS.find((candidate) => candidate === event.currentTarget.value);
          if (chosen) editControl(node, input.name, chosen);
        }}
      >
        {SEED_CONTROLS.map((option) => <option key={option} value={option}>{TEXT.controls[option]}</option>)}
      </select>
    </>
  );
}
