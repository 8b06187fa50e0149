/** A field that becomes an input: its value moves to a card of its own, and back. */
import { connect, disconnect } from './connect';
import { addNode, removeNodes, updateNode } from './edit';
import { defaultSize, layoutIn } from './geometry';
import { freePlace } from './layout';
import { linkIndex, linkInto, nextNodeId, type Graph, type GraphNode } from './model';
import { widgetInputs, type InputSpec, type Schema, type Widget } from './schema';
import { specOf } from './virtual';

/** The server's own card for text of several lines; a primitive has one line. */
const LONG_TEXT = 'PrimitiveStringMultiline';
const GAP = 48;

type Field = InputSpec & { widget: Widget };

function fieldOf(graph: Graph, schema: Schema, id: string, input: string): Field | undefined {
  const node = graph.nodes[id];
  const spec = node && specOf(schema, node);
  return spec && widgetInputs(spec).find(({ name }) => name === input);
}

/** A card that holds a value, with an output for the field it was of. */
function primitive(id: string, field: Field, node: GraphNode): GraphNode {
  const { name, type, widget } = field;
  const control = node.controls[name];
  const made: GraphNode = {
    ...node, id, type: 'PrimitiveNode', title: '', size: { width: 0, height: 0 }, mode: 'always', collapsed: false, open: false, pinned: false, color: '', background: '', depth: 0,
    values: { value: node.values[name] ?? widget.default }, controls: control ? { value: control } : {}, inputs: [], outputs: [{ name: type, type }],
    raw: { outputs: [{ name: type, type, links: null, widget: { name } }] },
  };
  const spec = specOf({}, made);
  if (!spec) return made;
  // As wide as the field it stands for needs to be; a file is only chosen here.
  const shown: Widget = widget.kind === 'file' ? { ...widget, kind: 'select' } : widget;
  return { ...made, size: defaultSize(made, { ...spec, inputs: spec.inputs.map((input) => ({ ...input, label: field.label, widget: shown })) }) };
}

/** The graph with one more card, not yet placed, that holds the field's value; and its id. */
function withHolder(graph: Graph, schema: Schema, field: Field, node: GraphNode): { graph: Graph; id: string } {
  const long = field.widget.kind === 'text' && field.widget.multiline ? schema[LONG_TEXT] : undefined;
  if (long) {
    const added = addNode(graph, long, node.position);
    return { id: added.id, graph: updateNode(added.graph, added.id, { values: { value: node.values[field.name] ?? field.widget.default } }) };
  }
  const id = nextNodeId(graph);
  return { id, graph: { ...graph, nodes: { ...graph.nodes, [id]: primitive(id, field, node) }, rest: { ...graph.rest, last_node_id: Number(id) } } };
}

/** The graph with a card to the left that feeds a field what it held. The graph itself where the field is fed already. */
export function feedField(graph: Graph, schema: Schema, id: string, input: string): Graph {
  const field = fieldOf(graph, schema, id, input);
  const node = graph.nodes[id];
  if (!field || !node || linkInto(graph, id, input)) return graph;
  const added = withHolder(graph, schema, field, node);
  const holder = added.graph.nodes[added.id];
  if (!holder) return graph;
  const socket = layoutIn(graph, schema, node).inputs.find(({ name }) => name === input);
  const { width, height } = layoutIn(added.graph, schema, holder);
  const at = { x: Math.round(node.position.x - width - GAP), y: Math.round(node.position.y + (socket?.y ?? 0) - height / 2) };
  const placed = updateNode(added.graph, added.id, { position: freePlace(graph, schema, at, { width, height }, 'down') });
  return connect(placed, schema, { source: added.id, sourceSlot: 0, target: id, input });
}

/** The graph in which a field holds its value itself again; a card that held it only for this field goes. */
export function takeBack(graph: Graph, schema: Schema, id: string, input: string): Graph {
  const link = linkInto(graph, id, input);
  const node = graph.nodes[id];
  const source = link && graph.nodes[link.source];
  if (!link || !node || !fieldOf(graph, schema, id, input)) return graph;
  const open = disconnect(graph, [link.id]);
  const value = source?.type.startsWith('Primitive') ? source.values['value'] : undefined;
  if (!source || value === undefined) return open;
  const control = source.controls['value'];
  const held = updateNode(open, id, {
    values: { ...node.values, [input]: value }, controls: control && input in node.controls ? { ...node.controls, [input]: control } : node.controls,
  });
  return linkIndex(open).outOf[source.id] ? held : removeNodes(held, new Set([source.id]));
}
