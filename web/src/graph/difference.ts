/** What differs between two states of a workflow, as facts to be put into words. */
import { sameJson } from './json';
import type { Graph, GraphNode } from './model';
import type { WidgetValue } from './schema';

/**
 * - `added`, `removed`: a node is new or gone.
 * - `value`: an input has another value, from `before` to `after`.
 * - `title`, `mode`: the node is called otherwise, or muted, bypassed or run again.
 * - `links`: other nodes feed it.
 * - `moved`: nodes stand elsewhere; told once, with their number.
 */
export type Difference =
  | { kind: 'added' | 'removed' | 'links'; node: GraphNode }
  | { kind: 'value'; node: GraphNode; input: string; before: WidgetValue | undefined; after: WidgetValue | undefined }
  | { kind: 'title' | 'mode'; node: GraphNode; before: string; after: string }
  | { kind: 'moved'; count: number };

function valueChanges(before: GraphNode, node: GraphNode): Difference[] {
  const inputs = [...new Set([...Object.keys(before.values), ...Object.keys(node.values)])];
  return inputs.filter((input) => !sameJson(before.values[input], node.values[input]))
    .map((input) => ({ kind: 'value', node, input, before: before.values[input], after: node.values[input] }));
}

/** What feeds a node, as text that is the same for the same links whatever their ids. */
function feeds(graph: Graph, id: string): string {
  return Object.values(graph.links).filter((link) => link.target === id).map((link) => `${link.input} ${link.source} ${link.sourceSlot}`).sort().join('\n');
}

function nodeChanges(before: Graph, after: Graph, held: GraphNode, node: GraphNode): Difference[] {
  const changes: Difference[] = valueChanges(held, node);
  if (held.title !== node.title) changes.push({ kind: 'title', node, before: held.title, after: node.title });
  if (held.mode !== node.mode) changes.push({ kind: 'mode', node, before: held.mode, after: node.mode });
  if (feeds(before, node.id) !== feeds(after, node.id)) changes.push({ kind: 'links', node });
  return changes;
}

/** What was done to get from one graph to the other; empty where they say the same. */
export function differences(before: Graph, after: Graph): Difference[] {
  const isSame = (node: GraphNode): boolean => before.nodes[node.id]?.type === node.type;
  const kept = Object.values(after.nodes).filter(isSame);
  const added = Object.values(after.nodes).filter((node) => !isSame(node)).map((node): Difference => ({ kind: 'added', node }));
  const removed = Object.values(before.nodes).filter((node) => after.nodes[node.id]?.type !== node.type).map((node): Difference => ({ kind: 'removed', node }));
  const pairs = kept.flatMap((node) => {
    const held = before.nodes[node.id];
    return held ? [[held, node] as const] : [];
  });
  const changed = pairs.flatMap(([held, node]) => nodeChanges(before, after, held, node));
  const count = pairs.filter(([held, node]) => held.position.x !== node.position.x || held.position.y !== node.position.y).length;
  return [...added, ...removed, ...changed, ...(count > 0 ? [{ kind: 'moved' as const, count }] : [])];
}
