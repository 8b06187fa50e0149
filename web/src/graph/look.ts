/** How a card looks beyond its type: colour, pinned, in front or behind. Kept in the node as the file has it. */
import { asObject, asText } from './json';
import { updateNode } from './edit';
import type { Graph, GraphNode } from './model';

/** Colours to choose for cards and groups; any other colour of a file is shown as it is. */
export const COLORS: readonly string[] = ['#7c5ce0', '#2f6fe0', '#1f8f9b', '#2b9150', '#a8871a', '#c4661f', '#c23b4b', '#7a8494'];

/** A card's own colour; empty where it has none. */
export function colorOf(node: GraphNode): string {
  return asText(node.raw['color']);
}

/** Whether a card stays where it is while others are moved. */
export function isPinned(node: GraphNode): boolean {
  return asObject(node.raw['flags'])['pinned'] === true;
}

/** How far in front a card stands: 0 unless it was moved. */
export function depthOf(node: GraphNode): number {
  const depth = asObject(node.raw['properties'])['depth'];
  return typeof depth === 'number' ? depth : 0;
}

function changed(graph: Graph, ids: Iterable<string>, change: (raw: GraphNode['raw']) => GraphNode['raw']): Graph {
  let next = graph;
  for (const id of ids) {
    const node = graph.nodes[id];
    if (node) next = updateNode(next, id, { raw: change(node.raw) });
  }
  return next;
}

/** The graph with cards in a colour; an empty one takes their colour away. */
export function paint(graph: Graph, ids: Iterable<string>, color: string): Graph {
  return changed(graph, ids, ({ color: _color, bgcolor: _background, ...raw }) => (color === '' ? raw : { ...raw, color }));
}

/** The graph with cards pinned, or free again where all of them are pinned. */
export function togglePinned(graph: Graph, ids: ReadonlySet<string>): Graph {
  const all = [...ids].every((id) => {
    const node = graph.nodes[id];
    return node === undefined || isPinned(node);
  });
  return changed(graph, ids, (raw) => {
    const { pinned: _pinned, ...flags } = asObject(raw['flags']);
    return { ...raw, flags: all ? flags : { ...flags, pinned: true } };
  });
}

/** The graph with cards in front of all others, or behind them. */
export function restack(graph: Graph, ids: Iterable<string>, where: 'front' | 'back'): Graph {
  const depths = Object.values(graph.nodes).map(depthOf);
  const depth = where === 'front' ? Math.max(0, ...depths) + 1 : Math.min(0, ...depths) - 1;
  return changed(graph, ids, (raw) => ({ ...raw, properties: { ...asObject(raw['properties']), depth } }));
}
