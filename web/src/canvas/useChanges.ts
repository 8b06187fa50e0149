import type { EdgeChange, NodeChange } from '@xyflow/react';
import { moveNodes, updateNode } from '../graph/edit';
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

function move(changes: NodeChange<FlowNode>[]): void {
  const positions: Record<string, Point> = {};
  let dragging = false;
  for (const change of changes) {
    if (change.type !== 'position' || !change.position) continue;
    positions[change.id] = { x: Math.round(change.position.x), y: Math.round(change.position.y) };
    dragging ||= change.dragging === true;
  }
  if (Object.keys(positions).length === 0) return;
  const { graph } = getState();
  const moved = Object.entries(positions).some(([id, at]) => {
    const before = graph.nodes[id]?.position;
    return before !== undefined && (before.x !== at.x || before.y !== at.y);
  });
  if (moved) commit(moveNodes(graph, positions));
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
