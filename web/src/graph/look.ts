/** How cards look beyond their type: colour, pinned, in front or behind. */
import { moveNodes, updateNode } from './edit';
import type { Graph, GraphNode } from './model';

/** Colours to choose for cards and groups; any other colour of a file is shown as it is. */
export const COLORS: readonly string[] = ['#7c5ce0', '#2f6fe0', '#1f8f9b', '#2b9150', '#a8871a', '#c4661f', '#c23b4b', '#7a8494'];

/** A card's own colour; empty where it has none. */
export function colorOf(node: GraphNode): string {
  return node.color;
}

/** Whether a card stays where it is while others are moved. */
export function isPinned(node: GraphNode): boolean {
  return node.pinned;
}

/** How far in front a card stands: 0 unless it was moved. */
export function depthOf(node: GraphNode): number {
  return node.depth;
}

function changed(graph: Graph, ids: Iterable<string>, change: Partial<GraphNode>): Graph {
  return [...ids].reduce((next, id) => updateNode(next, id, change), graph);
}

/** The graph with cards in a colour; an empty one takes their colour away. */
export function paint(graph: Graph, ids: Iterable<string>, color: string): Graph {
  return changed(graph, ids, { color, background: '' });
}

/** The graph with every pinned card where it stood before. */
export function keepPinned(before: Graph, graph: Graph): Graph {
  const moved = Object.values(before.nodes).filter((node) => node.pinned && graph.nodes[node.id]?.position !== node.position);
  if (moved.length === 0) return graph;
  const places = Object.fromEntries(moved.flatMap(({ id, position }) => (graph.nodes[id] ? [[id, position] as const] : [])));
  return moveNodes(graph, places);
}

/** The graph with cards pinned, or free again where all of them are pinned. */
export function togglePinned(graph: Graph, ids: ReadonlySet<string>): Graph {
  const all = [...ids].every((id) => graph.nodes[id]?.pinned !== false);
  return changed(graph, ids, { pinned: !all });
}

/** The graph with cards in front of all others, or behind them. */
export function restack(graph: Graph, ids: Iterable<string>, where: 'front' | 'back'): Graph {
  const depths = Object.values(graph.nodes).map(depthOf);
  return changed(graph, ids, { depth: where === 'front' ? Math.max(0, ...depths) + 1 : Math.min(0, ...depths) - 1 });
}
