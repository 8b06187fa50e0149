/** What differs between two states of a workflow, as facts to be put into words. */
import { sameJson } from './json';
import type { Graph, GraphNode, Mode } from './model';
import type { WidgetValue } from './schema';

/**
 * - `value`: an input has another value, from `before` to `after`.
 * - `title`, `mode`: the node is called otherwise, or muted, bypassed or run again.
 * - `links`: other nodes feed it.
 */
export type Change =
  | { kind: 'value'; input: string; before: WidgetValue | undefined; after: WidgetValue | undefined }
  | { kind: 'title'; before: string; after: string }
  | { kind: 'mode'; before: Mode; after: Mode }
  | { kind: 'links' };

/** A node that is new, gone, or not as it was. */
export interface NodeDifference {
  kind: 'added' | 'removed' | 'changed';
  node: GraphNode;
  /** Name of the subgraph that holds it; empty where none does. */
  within: string;
  changes: readonly Change[];
}

export interface Differences {
  nodes: readonly NodeDifference[];
  /** How many nodes stand elsewhere. */
  moved: number;
}

function valueChanges(before: GraphNode, node: GraphNode): Change[] {
  const inputs = [...new Set([...Object.keys(before.values), ...Object.keys(node.values)])];
  return inputs.filter((input) => !sameJson(before.values[input], node.values[input]))
    .map((input) => ({ kind: 'value', input, before: before.values[input], after: node.values[input] }));
}

/** What feeds a node, as text that is the same for the same links whatever their ids. */
function feeds(graph: Graph, id: string): string {
  return Object.values(graph.links).filter((link) => link.target === id).map((link) => `${link.input} ${link.source} ${link.sourceSlot}`).sort().join('\n');
}

function changesOf(before: Graph, after: Graph, held: GraphNode, node: GraphNode): Change[] {
  const changes = valueChanges(held, node);
  if (held.title !== node.title) changes.push({ kind: 'title', before: held.title, after: node.title });
  if (held.mode !== node.mode) changes.push({ kind: 'mode', before: held.mode, after: node.mode });
  if (feeds(before, node.id) !== feeds(after, node.id)) changes.push({ kind: 'links' });
  return changes;
}

/** Nodes of one that the other has not, or has of another type. */
function only(here: Graph, there: Graph): GraphNode[] {
  return Object.values(here.nodes).filter((node) => there.nodes[node.id]?.type !== node.type);
}

function ofLevel(before: Graph, after: Graph, within: string): Differences {
  const pairs = Object.values(after.nodes).flatMap((node) => {
    const held = before.nodes[node.id];
    return held?.type === node.type ? [[held, node] as const] : [];
  });
  const added = only(after, before).map((node): NodeDifference => ({ kind: 'added', node, within, changes: [] }));
  const removed = only(before, after).map((node): NodeDifference => ({ kind: 'removed', node, within, changes: [] }));
  const changed = pairs.map(([held, node]): NodeDifference => ({ kind: 'changed', node, within, changes: changesOf(before, after, held, node) }));
  const moved = pairs.filter(([held, node]) => held.position.x !== node.position.x || held.position.y !== node.position.y).length;
  return { nodes: [...added, ...removed, ...changed.filter(({ changes }) => changes.length > 0)], moved };
}

/** What was done to get from one graph to the other, in subgraphs too that both have. */
export function differences(before: Graph, after: Graph): Differences {
  const inner = Object.values(after.subgraphs).flatMap(({ id, name, graph }) => {
    const held = before.subgraphs[id];
    return held ? [ofLevel(held.graph, graph, name)] : [];
  });
  const levels = [ofLevel(before, after, ''), ...inner];
  return { nodes: levels.flatMap(({ nodes }) => nodes), moved: levels.reduce((count, { moved }) => count + moved, 0) };
}
