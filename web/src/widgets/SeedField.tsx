import { SEED_CONTROLS, type SeedControl } from '../graph/model';
import type { NumberWidget } from '../graph/schema';
import { asText } from '../graph/json';
import { editControl, editValue } from '../state/edits';
import { seedKey } from '../state/run';
import { useStore } from '../state/store';
import { TEXT } from '../text';
import { NumberField } from './NumberField';
import type { FieldProps } from './field';

/** A seed, and what happens to it after each run. */
export function SeedField({ control, ...props }: FieldProps<NumberWidget> & { control: SeedControl }) {
  const { node, input } = props;
  const used = useStore((s) => s.usedSeeds[seedKey(s.active, node, input.name)]);
  const takeBack = TEXT.seeds.takeBack(input.label, asText(used));
  const name = TEXT.fields.control(input.label);
  return (
    <>
      <NumberField {...props} />
      {used !== undefined && used !== null && used !== props.value && (
        <button type="button" className="nodrag icon small take-back" aria-label={takeBack} title={takeBack} onClick={() => editValue(node, input.name, used)}><span aria-hidden="true">↩</span></button>
      )}
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
