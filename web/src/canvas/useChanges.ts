import type { EdgeChange, NodeChange } from '@xyflow/react';
import { moveNodes, updateNode } from '../graph/edit';
import { isPinned } from '../graph/look';
import type { Point } from '../graph/model';
import { commit, endGesture } from '../state/edits';
import { getState, setState } from '../state/store';
import type { FlowNode, LinkEdge } from './flow';

function chosen(selection: ReadonlySet<string>, changes: readonly { id: string; selected: boolean }[]): Set<string> {
  const next = new Set(selection);
  for (const { id, selected } of changes) {
    if (selected) next.add(id);
    else next.delete(id);
  }
  return next;
}

/** Cards that are dragged take the rest of the selection with them, also what is not drawn as an element. */
function withSelection(positions: Record<string, Point>): Record<string, Point> {
  const { graph, selection } = getState();
  const [first] = Object.keys(positions).filter((id) => selection.has(id));
  const from = first === undefined ? undefined : graph.nodes[first]?.position;
  const to = first === undefined ? undefined : positions[first];
  if (!from || !to) return positions;
  const all = { ...positions };
  for (const id of selection) {
    const node = graph.nodes[id];
    if (node && !(id in all) && !isPinned(node)) all[id] = { x: node.position.x + to.x - from.x, y: node.position.y + to.y - from.y };
  }
  return all;
}

function move(changes: NodeChange<FlowNode>[]): void {
  const positions: Record<string, Point> = {};
  for (const change of changes) {
    if (change.type === 'position' && change.position) positions[change.id] = { x: Math.round(change.position.x), y: Math.round(change.position.y) };
  }
  const { graph } = getState();
  const moved = Object.entries(positions).some(([id, at]) => {
    const before = graph.nodes[id]?.position;
    return before !== undefined && (before.x !== at.x || before.y !== at.y);
  });
  if (moved) commit(moveNodes(graph, withSelection(positions)));
}

function resize(changes: NodeChange<FlowNode>[]): void {
  for (const change of changes) {
    if (change.type !== 'dimensions' || change.setAttributes === undefined || !change.dimensions) continue;
    commit(updateNode(getState().graph, change.id, { size: change.dimensions }));
    if (change.resizing === false) endGesture();
  }
}

/** Apply what React Flow reports of cards: moved, resized, selected. */
export function onNodesChange(changes: NodeChange<FlowNode>[]): void {
  move(changes);
  resize(changes);
  const picked = changes.filter((change) => change.type === 'select');
  if (picked.length > 0) setState({ selection: chosen(getState().selection, picked) });
}

/** Apply what React Flow reports of links: selected. */
export function onEdgesChange(changes: EdgeChange<LinkEdge>[]): void {
  const picked = changes.filter((change) => change.type === 'select');
  if (picked.length > 0) setState({ linkSelection: chosen(getState().linkSelection, picked) });
}
