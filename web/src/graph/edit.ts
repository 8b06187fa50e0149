/** Edits of nodes: each returns a new graph. */
import { defaultSize } from './geometry';
import type { Graph, GraphNode, Mode, Point, SeedControl } from './model';
import { isBoundary, nextNodeId } from './model';
import type { NodeSpec, WidgetValue } from './schema';
import { widgetInputs } from './schema';

/**
 * Values and seed controls a new node of a type starts with.
 *
 * Optional widgets are left unset: they show their default, and exports mention them only once they are changed.
 */
export function defaults(spec: NodeSpec): Pick<GraphNode, 'values' | 'controls'> {
  const values: Record<string, WidgetValue> = {};
  const controls: Record<string, SeedControl> = {};
  for (const { name, widget, optional } of widgetInputs(spec)) {
    if (!optional) values[name] = widget.default;
    if (widget.kind === 'seed') controls[name] = spec.type.startsWith('Primitive') ? 'fixed' : 'randomize';
  }
  return { values, controls };
}

/** A node of a type with its defaults, not yet in any graph. */
export function newNode(spec: NodeSpec, id: string, position: Point): GraphNode {
  const node: GraphNode = {
    id, type: spec.type, title: '', position, size: { width: 0, height: 0 }, mode: 'always', collapsed: false, open: false, pinned: false, color: '', background: '', depth: 0,
    ...defaults(spec), inputs: [], outputs: [], raw: {},
  };
  return { ...node, size: defaultSize(node, spec) };
}

/** The graph with one more node, and that node's id. */
export function addNode(graph: Graph, spec: NodeSpec, position: Point): { graph: Graph; id: string } {
  const id = nextNodeId(graph);
  const node = newNode(spec, id, { x: Math.round(position.x), y: Math.round(position.y) });
  const rest = { ...graph.rest, last_node_id: Number(id) };
  return { graph: { ...graph, nodes: { ...graph.nodes, [id]: node }, rest }, id };
}

/** The graph without these nodes, a subgraph's own inputs and outputs excepted, and without every link that touched them. */
export function removeNodes(graph: Graph, chosen: ReadonlySet<string>): Graph {
  const ids = new Set([...chosen].filter((id) => id in graph.nodes && !isBoundary(graph.nodes[id])));
  if (ids.size === 0) return graph;
  const nodes = Object.fromEntries(Object.entries(graph.nodes).filter(([id]) => !ids.has(id)));
  const links = Object.fromEntries(
    Object.entries(graph.links).filter(([, link]) => !ids.has(link.source) && !ids.has(link.target)),
  );
  return { ...graph, nodes, links };
}

/** The graph with some fields of one node replaced. */
export function updateNode(graph: Graph, id: string, change: Partial<GraphNode>): Graph {
  const node = graph.nodes[id];
  return node ? { ...graph, nodes: { ...graph.nodes, [id]: { ...node, ...change } } } : graph;
}

/** The graph with nodes at new positions. */
export function moveNodes(graph: Graph, positions: Readonly<Record<string, Point>>): Graph {
  const nodes = { ...graph.nodes };
  for (const [id, position] of Object.entries(positions)) {
    const node = nodes[id];
    if (node) nodes[id] = { ...node, position };
  }
  return { ...graph, nodes };
}

/** The graph with one widget's value set. */
export function setValue(graph: Graph, id: string, input: string, value: WidgetValue): Graph {
  const node = graph.nodes[id];
  if (!node || node.values[input] === value) return graph;
  return updateNode(graph, id, { values: { ...node.values, [input]: value } });
}

/** The graph with what happens to a seed after a run. */
export function setControl(graph: Graph, id: string, input: string, control: SeedControl): Graph {
  const node = graph.nodes[id];
  return node ? updateNode(graph, id, { controls: { ...node.controls, [input]: control } }) : graph;
}

/** Mute or bypass nodes; nodes already in that mode all return to normal. */
export function toggleMode(graph: Graph, ids: ReadonlySet<string>, mode: Mode): Graph {
  const chosen = [...ids].flatMap((id) => graph.nodes[id] ?? []).filter((node) => !isBoundary(node));
  const next: Mode = chosen.every((node) => node.mode === mode) ? 'always' : mode;
  const nodes = { ...graph.nodes };
  for (const node of chosen) nodes[node.id] = { ...node, mode: next };
  return { ...graph, nodes };
}
