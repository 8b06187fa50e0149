/** Cards that hold the value of a field of another card: they offer what that field would. */
import { linkIndex, linkInto, type Graph } from './model';
import type { InputSpec, NumberWidget, Schema, Widget } from './schema';
import { specOf } from './virtual';

/** The inputs that a primitive gives its value to, also through reroutes. */
export function fedBy(graph: Graph, id: string): { node: string; input: string }[] {
  if (graph.nodes[id]?.type !== 'PrimitiveNode') return [];
  const { outOf } = linkIndex(graph);
  const sources = new Set([id]);
  const found: { node: string; input: string }[] = [];
  for (const source of sources) {
    for (const { target, input } of outOf[source] ?? []) {
      if (graph.nodes[target]?.type === 'Reroute') sources.add(target);
      else found.push({ node: target, input });
    }
  }
  return found;
}

/** The primitive that gives an input its value, also through reroutes. */
export function holderOf(graph: Graph, id: string, input: string): string | undefined {
  const seen = new Set<string>();
  for (let link = linkInto(graph, id, input); link && !seen.has(link.id); link = linkInto(graph, link.source, '')) {
    seen.add(link.id);
    const type = graph.nodes[link.source]?.type;
    if (type === 'PrimitiveNode') return link.source;
    if (type !== 'Reroute') return undefined;
  }
  return undefined;
}

/** The field that a primitive stands for, so that it can be edited like it. Undefined where it feeds none. */
export function heldField(graph: Graph, schema: Schema, id: string): InputSpec | undefined {
  for (const { node, input } of fedBy(graph, id)) {
    const target = graph.nodes[node];
    const spec = target && specOf(schema, target)?.inputs.find(({ name }) => name === input);
    if (spec?.widget) return spec;
  }
  return undefined;
}

function isNumber(widget: Widget | null | undefined): widget is NumberWidget {
  return widget?.kind === 'int' || widget?.kind === 'float' || widget?.kind === 'seed';
}

/** What edits a primitive: its own widget, with the choices or limits of the field it stands for. */
export function holderWidget(own: Widget, field: Widget | null | undefined): Widget {
  if (field?.kind === 'select' || field?.kind === 'file') return own.kind === 'text' ? { ...field, kind: 'select' } : own;
  if (!isNumber(own) || !isNumber(field)) return own;
  // What happens to it after a run is the primitive's own.
  return { ...field, kind: own.kind === 'seed' ? 'seed' : field.kind === 'float' ? 'float' : 'int' };
}
