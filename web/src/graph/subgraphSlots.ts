/** A subgraph's own inputs and outputs: added, renamed, moved and removed, with every node that stands for it. */
import { freeName } from './connect';
import { INPUTS, OUTPUTS, type Graph, type GraphNode, type Link, type SlotRecord } from './model';
import { inputSlots, outputSlots } from './subgraphSpec';

export type Side = 'in' | 'out';

/** The inputs or outputs of the subgraph that is open. */
export function slotsOf(graph: Graph, side: Side): readonly SlotRecord[] {
  return side === 'in' ? inputSlots(graph) : outputSlots(graph);
}

/** For each slot before the change its place after it; undefined where it is gone. */
type Moves = readonly (number | undefined)[];

function movesOf(before: readonly SlotRecord[], after: readonly SlotRecord[]): Moves {
  return before.map(({ id }) => {
    const at = after.findIndex((slot) => slot.id === id);
    return at < 0 ? undefined : at;
  });
}

/** The link after the slots at one of its ends changed; undefined where its slot is gone. */
function moved(link: Link, before: readonly SlotRecord[], after: readonly SlotRecord[], end: 'source' | 'target'): Link | undefined {
  const moves = movesOf(before, after);
  const at = moves[end === 'source' ? link.sourceSlot : before.findIndex((slot) => slot.name === link.input)];
  if (at === undefined) return undefined;
  if (end === 'source') return at === link.sourceSlot ? link : { ...link, sourceSlot: at };
  const name = after[at]?.name ?? '';
  return name === link.input ? link : { ...link, input: name };
}

function mapLinks(graph: Graph, change: (link: Link) => Link | undefined): Graph {
  const links = Object.values(graph.links).flatMap((link) => change(link) ?? []);
  const isSame = links.length === Object.keys(graph.links).length && links.every((link) => graph.links[link.id] === link);
  return isSame ? graph : { ...graph, links: Object.fromEntries(links.map((link) => [link.id, link])) };
}

function renamedRecord<T>(record: Readonly<Record<string, T>>, names: ReadonlyMap<string, string | undefined>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).flatMap(([name, value]) => {
    const next = names.has(name) ? names.get(name) : name;
    return next === undefined ? [] : [[next, value]];
  }));
}

/** A node that stands for the subgraph, with its sockets and values under their new names and in their new order. */
function refitted(node: GraphNode, before: readonly SlotRecord[], after: readonly SlotRecord[], side: Side): GraphNode {
  const names = new Map(before.map((slot) => [slot.name, after.find(({ id }) => id === slot.id)?.name]));
  const own = (slots: readonly SlotRecord[]): SlotRecord[] => {
    const known = new Map(slots.map((slot) => [names.get(slot.name) ?? '', slot]));
    const extra = slots.filter((slot) => !names.has(slot.name));
    return [...after.map(({ name, type }) => ({ type, ...known.get(name), name })), ...extra];
  };
  if (side === 'out') return node.outputs.length > 0 ? { ...node, outputs: own(node.outputs) } : node;
  const values = renamedRecord(node.values, names);
  return { ...node, values, inputs: node.inputs.length > 0 ? own(node.inputs) : node.inputs };
}

function refitLevel(graph: Graph, id: string, before: readonly SlotRecord[], after: readonly SlotRecord[], side: Side): Graph {
  const stands = new Set(Object.values(graph.nodes).filter((node) => node.type === id).map((node) => node.id));
  if (stands.size === 0) return graph;
  const nodes = Object.values(graph.nodes).map((node) => (stands.has(node.id) ? refitted(node, before, after, side) : node));
  const relinked = mapLinks(graph, (link) => {
    if (side === 'in') return stands.has(link.target) ? moved(link, before, after, 'target') : link;
    return stands.has(link.source) ? moved(link, before, after, 'source') : link;
  });
  return { ...relinked, nodes: Object.fromEntries(nodes.map((node) => [node.id, node])) };
}

/** Every graph of the document that may hold nodes of the open subgraph, changed: those around it and other subgraphs. */
function refit(graph: Graph, change: (level: Graph) => Graph): Graph {
  const subgraphs = Object.fromEntries(Object.entries(graph.subgraphs).map(([id, held]) => {
    const next = change(held.graph);
    return [id, next === held.graph ? held : { ...held, graph: next }];
  }));
  const isSame = Object.keys(subgraphs).every((id) => subgraphs[id] === graph.subgraphs[id]);
  const outer = graph.outer && { ...graph.outer, graph: refit(change(graph.outer.graph), change) };
  return { ...graph, ...(isSame ? {} : { subgraphs }), ...(outer ? { outer } : {}) };
}

/** The open subgraph with other inputs or outputs; links within it and of the nodes that stand for it follow. */
function withSlots(graph: Graph, side: Side, after: readonly SlotRecord[]): Graph {
  const [subgraph, boundary] = [graph.outer?.subgraph, graph.nodes[side === 'in' ? INPUTS : OUTPUTS]];
  if (subgraph === undefined || !boundary) return graph;
  const before = slotsOf(graph, side);
  const end = side === 'in' ? 'source' : 'target';
  const relinked = mapLinks(graph, (link) => (link[end] === boundary.id ? moved(link, before, after, end) : link));
  const changed = { ...relinked, nodes: { ...relinked.nodes, [boundary.id]: { ...boundary, [side === 'in' ? 'outputs' : 'inputs']: after } } };
  return refit(changed, (level) => refitLevel(level, subgraph, before, after, side));
}

/** The open subgraph with one more input or output at the end. */
export function addSlot(graph: Graph, side: Side, name: string, type: string, id: string): Graph {
  const slots = slotsOf(graph, side);
  return withSlots(graph, side, [...slots, { id, name: freeName(name, slots.map((slot) => slot.name)), type }]);
}

/** The open subgraph without one of its inputs or outputs, and without what was linked to it. */
export function removeSlot(graph: Graph, side: Side, id: string): Graph {
  return withSlots(graph, side, slotsOf(graph, side).filter((slot) => slot.id !== id));
}

/** The open subgraph with an input or output under another name; an empty one changes nothing. */
export function renameSlot(graph: Graph, side: Side, id: string, name: string): Graph {
  const slots = slotsOf(graph, side);
  const others = slots.filter((slot) => slot.id !== id).map((slot) => slot.name);
  const wanted = name.trim();
  if (wanted === '' || slots.some((slot) => slot.id === id && slot.name === wanted)) return graph;
  return withSlots(graph, side, slots.map((slot) => (slot.id === id ? { ...slot, name: freeName(wanted, others) } : slot)));
}

/** The open subgraph with an input or output moved to another place. */
export function moveSlot(graph: Graph, side: Side, id: string, to: number): Graph {
  const slots = slotsOf(graph, side);
  const slot = slots.find((one) => one.id === id);
  if (!slot || slots[to] === slot || to < 0 || to >= slots.length) return graph;
  return withSlots(graph, side, slots.filter((one) => one !== slot).toSpliced(to, 0, slot));
}

/** The graph with a subgraph under another name; an empty one changes nothing. */
export function renameSubgraph(graph: Graph, id: string, name: string): Graph {
  const subgraph = graph.subgraphs[id];
  if (!subgraph || name.trim() === '' || name.trim() === subgraph.name) return graph;
  return { ...graph, subgraphs: { ...graph.subgraphs, [id]: { ...subgraph, name: name.trim() } } };
}
