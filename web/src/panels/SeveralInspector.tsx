import { commonFields } from '../graph/common';
import { SELECTED } from '../state/edits';
import { useStore } from '../state/store';
import { TEXT } from '../text';
import { WidgetRow } from '../widgets/WidgetRow';

/** The fields that all selected cards have; a change is made to all of them, as one step. */
export function SeveralInspector() {
  const graph = useStore((s) => s.graph);
  const schema = useStore((s) => s.schema);
  const selection = useStore((s) => s.selection);
  const fields = commonFields(graph, schema, selection);
  return (
    <section className="several inspector-inputs" aria-label={TEXT.inspector.inputs}>
      <strong>{TEXT.inspector.many(selection.size)}</strong>
      <p className="quiet">{fields.length > 0 ? TEXT.several.common : TEXT.several.none}</p>
      {fields.map(({ input, value, control, differs }) => {
        const tall = input.widget.kind === 'text' && input.widget.multiline;
        return (
          <div key={input.name}>
            <WidgetRow node={SELECTED} input={input} value={value} control={control} linked={false} height={tall ? 120 : 32} invalid={false} />
            {differs && <p className="help">{TEXT.several.differs}</p>}
          </div>
        );
      })}
    </section>
  );
}
