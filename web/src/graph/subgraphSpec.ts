/** What a node looks like that stands for a graph: sockets and widgets are those of what they lead to inside. */
import { INPUTS, INPUTS_TYPE, linkIndex, OUTPUTS, OUTPUTS_TYPE, type Graph, type GraphNode, type Link, type Point, type Size, type SlotRecord, type Subgraph } from './model';
import type { InputSpec, NodeSpec, Schema, Widget, WidgetValue } from './schema';
import { specOf } from './virtual';

export const SUBGRAPH_CATEGORY = 'subgraphs';

/** A node for a subgraph's own inputs or outputs. */
export function boundaryNode(side: 'in' | 'out', slots: readonly SlotRecord[], area: Point & Size): GraphNode {
  return {
    id: side === 'in' ? INPUTS : OUTPUTS, type: side === 'in' ? INPUTS_TYPE : OUTPUTS_TYPE, title: '', mode: 'always',
    position: { x: area.x, y: area.y }, size: { width: area.width, height: area.height },
    collapsed: false, pinned: false, color: '', background: '', depth: 0, open: false, values: {}, controls: {},
    inputs: side === 'in' ? [] : slots, outputs: side === 'in' ? slots : [], raw: {},
  };
}

/** The subgraph's own inputs. */
export function inputSlots(graph: Graph): readonly SlotRecord[] {
  return graph.nodes[INPUTS]?.outputs ?? [];
}

/** The subgraph's own outputs. */
export function outputSlots(graph: Graph): readonly SlotRecord[] {
  return graph.nodes[OUTPUTS]?.inputs ?? [];
}

/** A widget as it appears outside: with the value inside as its default, and without what happens to seeds. */
function promoted(widget: Widget, value: WidgetValue | undefined): Widget {
  const start = value !== undefined && typeof value === typeof widget.default ? { default: value } : {};
  return { ...widget, ...start, ...(widget.kind === 'seed' ? { kind: 'int' } : {}) } as Widget;
}

function inputSpec(schema: Schema, graph: Graph, slot: SlotRecord, link: Link | undefined): InputSpec {
  const node = link && graph.nodes[link.target];
  const inner = node && specOf(schema, node)?.inputs.find((input) => input.name === link.input);
  const type = slot.type === '*' ? (inner?.type ?? '*') : slot.type;
  const plain: InputSpec = { name: slot.name, label: slot.name.replaceAll('_', ' '), type, optional: inner?.optional ?? true, advanced: false, help: inner?.help ?? '', widget: null };
  return inner?.widget && node ? { ...plain, optional: true, widget: promoted(inner.widget, node.values[inner.name]) } : plain;
}

/** What a node of this subgraph looks like; the schema knows the subgraphs in it. */
export function specOfSubgraph(schema: Schema, { id, name, graph }: Subgraph): NodeSpec {
  const from = linkIndex(graph).outOf[INPUTS] ?? [];
  return {
    type: id, title: name, serverTitle: name, category: SUBGRAPH_CATEGORY, categoryTitle: SUBGRAPH_CATEGORY, help: '', isVirtual: false, isSubgraph: true,
    inputs: inputSlots(graph).map((slot, at) => inputSpec(schema, graph, slot, from.find((link) => link.sourceSlot === at))),
    outputs: outputSlots(graph).map((slot) => ({ name: slot.name, type: slot.type, help: '' })),
    isOutput: Object.values(graph.nodes).some((node) => specOf(schema, node)?.isOutput),
  };
}

/** Ids of the subgraphs that a subgraph holds directly. */
export function heldBy(subgraph: Subgraph, all: Graph['subgraphs']): string[] {
  return [...new Set(Object.values(subgraph.graph.nodes).map((node) => node.type))].filter((type) => type in all);
}

/** Subgraphs so that those held by another come before it. */
function innerFirst(all: Graph['subgraphs']): Subgraph[] {
  const order = new Map<string, Subgraph>();
  const visit = (subgraph: Subgraph, path: readonly string[]): void => {
    if (order.has(subgraph.id) || path.includes(subgraph.id)) return;
    for (const id of heldBy(subgraph, all)) {
      const held = all[id];
      if (held) visit(held, [...path, subgraph.id]);
    }
    order.set(subgraph.id, subgraph);
  };
  for (const subgraph of Object.values(all)) visit(subgraph, []);
  return [...order.values()];
}

const extended = new WeakMap<Schema, WeakMap<Graph['subgraphs'], Schema>>();

/** The schema with a type for each subgraph of a document, in place of those of another document. */
export function withSubgraphs(schema: Schema, subgraphs: Graph['subgraphs']): Schema {
  const known = extended.get(schema)?.get(subgraphs);
  if (known) return known;
  const others = Object.values(schema).some((spec) => spec.isSubgraph);
  const result: Schema = others ? Object.fromEntries(Object.entries(schema).filter(([, spec]) => !spec.isSubgraph)) : { ...schema };
  const isPlain = !others && Object.keys(subgraphs).length === 0;
  for (const subgraph of innerFirst(subgraphs)) result[subgraph.id] = specOfSubgraph(result, subgraph);
  const made = isPlain ? schema : result;
  for (const start of [schema, made]) extended.set(start, (extended.get(start) ?? new WeakMap<Graph['subgraphs'], Schema>()).set(subgraphs, made));
  return made;
}
