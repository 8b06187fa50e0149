/** What several nodes have in common. */
import type { Graph, SeedControl } from './model';
import { linkInto } from './model';
import { widgetInputs, type InputSpec, type Schema, type Widget, type WidgetValue } from './schema';
import { specOf } from './virtual';

export interface CommonField {
  input: InputSpec & { widget: Widget };
  /** Of the first node. */
  value: WidgetValue;
  control: SeedControl | undefined;
  differs: boolean;
}

/** Fields that all of these nodes have under one name and of one kind, none of them linked. Files stand for themselves. */
export function commonFields(graph: Graph, schema: Schema, ids: Iterable<string>): CommonField[] {
  const nodes = [...ids].flatMap((id) => graph.nodes[id] ?? []);
  const [first, ...others] = nodes;
  const spec = first && specOf(schema, first);
  if (!first || !spec) return [];
  return widgetInputs(spec).flatMap((input) => {
    if (input.widget.kind === 'file' || linkInto(graph, first.id, input.name)) return [];
    const value = first.values[input.name] ?? input.widget.default;
    let differs = false;
    for (const node of others) {
      const widget = specOf(schema, node)?.inputs.find(({ name }) => name === input.name)?.widget;
      if (widget?.kind !== input.widget.kind || linkInto(graph, node.id, input.name)) return [];
      differs ||= (node.values[input.name] ?? widget.default) !== value;
    }
    return [{ input, value, control: first.controls[input.name], differs }];
  });
}
