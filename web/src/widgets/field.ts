import type { InputSpec, Widget, WidgetValue } from '../graph/schema';

/** What every widget is given: whose input it edits, how it looks and what it holds. */
export interface FieldProps<W extends Widget = Widget> {
  node: string;
  input: InputSpec;
  widget: W;
  value: WidgetValue;
}
