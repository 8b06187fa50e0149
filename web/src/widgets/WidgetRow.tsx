import { memo, useMemo } from 'react';
import { heldField, holderWidget } from '../graph/holders';
import type { SeedControl } from '../graph/model';
import type { InputSpec, Widget, WidgetValue } from '../graph/schema';
import { useStore } from '../state/store';
import { TEXT } from '../text';
import { ColorField } from './ColorField';
import { FileField } from './FileField';
import { NumberField } from './NumberField';
import { SeedField } from './SeedField';
import { SelectField } from './SelectField';
import { TextArea } from './TextArea';
import { TextField } from './TextField';
import { ToggleField } from './ToggleField';

interface RowProps {
  node: string;
  input: InputSpec & { widget: Widget };
  value: WidgetValue | undefined;
  control: SeedControl | undefined;
  height: number;
  linked: boolean;
  invalid: boolean;
}

function Field({ node, input, value, control }: Pick<RowProps, 'node' | 'input' | 'value' | 'control'>) {
  const { widget } = input;
  const shown = value ?? widget.default;
  const common = { node, input, value: shown };
  switch (widget.kind) {
    case 'seed':
      return <SeedField {...common} widget={widget} control={control ?? 'fixed'} />;
    case 'int':
    case 'float':
      return <NumberField {...common} widget={widget} />;
    case 'color':
      return <ColorField {...common} widget={widget} />;
    case 'text':
      return widget.multiline ? <TextArea {...common} widget={widget} /> : <TextField {...common} widget={widget} />;
    case 'select':
      return <SelectField {...common} widget={widget} />;
    case 'file':
      return <FileField {...common} widget={widget} />;
    case 'toggle':
      return <ToggleField {...common} widget={widget} />;
  }
}

/** The value of a primitive, edited like the field it stands for. */
function HeldField(props: Pick<RowProps, 'node' | 'input' | 'value' | 'control'>) {
  const { node, input } = props;
  const field = useStore((s) => heldField(s.graph, s.schema, node));
  const held = useMemo(() => ({ ...input, label: field?.label ?? input.label, help: field?.help ?? input.help, widget: holderWidget(input.widget, field?.widget) }), [input, field]);
  return <Field {...props} input={held} />;
}

/** One widget of a card: its label and the field that fits its kind. */
export const WidgetRow = memo(function WidgetRow({ node, input, value, control, height, linked, invalid }: RowProps) {
  const tall = input.widget.kind === 'text' && input.widget.multiline;
  // A primitive's one input has this name; that few others have it too costs them nothing.
  const Own = input.name === 'value' ? HeldField : Field;
  const classes = ['field', input.widget.kind, tall ? 'tall' : '', linked ? 'is-linked' : '', invalid ? 'invalid' : ''];
  return (
    <div className={classes.join(' ')} data-input={input.name} style={{ height }} title={input.help || undefined}>
      {linked ? (
        <>
          <span className="label">{input.label}</span>
          <span className="linked-word">{TEXT.card.linked}</span>
        </>
      ) : (
        <Own node={node} input={input} value={value} control={control} />
      )}
    </div>
  );
});
