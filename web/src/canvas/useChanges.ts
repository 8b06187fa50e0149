import type { EdgeChange, NodeChange } from '@xyflow/react';
import { moveNodes, updateNode } from '../graph/edit';
import { changeGroup, contentsOf, moveGroup } from '../graph/groups';
import { isPinned } from '../graph/look';
import type { Graph, Point } from '../graph/model';
import { dropOnLink, markLinkUnder } from '../state/arranging';
import { beginGesture, commit, dropGesture, endGesture } from '../state/edits';
import { getState, setState } from '../state/store';
import { mark } from './mark';
import { groupOf, type FlowNode, type LinkEdge } from './flow';

/** The cards that go along with the group being dragged: those in it when the drag began. */
let carried: readonly string[] = [];
let isDragging = false;

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
  const first = Object.keys(positions).find((id) => selection.has(id));
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

function movedCards(graph: Graph, positions: Record<string, Point>): Graph {
  const moved = Object.entries(positions).some(([id, at]) => {
    const before = graph.nodes[id]?.position;
    return before !== undefined && (before.x !== at.x || before.y !== at.y);
  });
  return moved ? moveNodes(graph, withSelection(positions)) : graph;
}

function move(changes: NodeChange<FlowNode>[]): void {
  const positions: Record<string, Point> = {};
  let { graph } = getState();
  // Whoever undid, switched tabs or pressed Escape meanwhile has ended the drag; the pointer does not know yet.
  if (!getState().gesture) return;
  for (const change of changes) {
    if (change.type !== 'position' || !change.position) continue;
    const to = { x: Math.round(change.position.x), y: Math.round(change.position.y) };
    const group = groupOf(change.id);
    if (group === undefined) positions[change.id] = to;
    else graph = moveGroup(graph, group, to, change.dragging === true ? carried : []);
  }
  commit(movedCards(graph, positions));
}

function resize(changes: NodeChange<FlowNode>[]): void {
  for (const change of changes) {
    if (change.type !== 'dimensions' || change.setAttributes === undefined || !change.dimensions) continue;
    const { graph } = getState();
    const group = groupOf(change.id);
    commit(group === undefined ? updateNode(graph, change.id, { size: change.dimensions }) : changeGroup(graph, group, { size: change.dimensions }));
    if (change.resizing === false) endGesture();
  }
}

/** Apply what React Flow reports of cards and groups: moved, resized, selected. */
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

/** A drag begins: all of it is one step, and a group takes its cards along. */
export function onDragStart(event: { type: string }, node: FlowNode): void {
  const { graph, schema } = getState();
  const group = groupOf(node.id);
  carried = group === undefined ? [] : contentsOf(graph, schema, group);
  isDragging = true;
  mark('held', event.type.startsWith('mouse'));
  beginGesture();
}

/** While a single card is dragged, the link it would go into is marked; with Alt it goes into none. */
export function onDrag(event: { altKey: boolean }, node: FlowNode, dragged: readonly FlowNode[]): void {
  const { gesture, graph } = getState();
  const isSingle = dragged.length === 1 && node.type === 'card' && gesture !== null && gesture !== graph;
  markLinkUnder(isSingle && !event.altKey ? node.id : undefined);
}

/** A drag ends: a single card that was dropped on a link goes into it. */
export function onDragStop(event: { altKey: boolean }, node: FlowNode, dragged: readonly FlowNode[]): void {
  onDrag(event, node, dragged);
  dropOnLink(node.id);
  isDragging = false;
  carried = [];
  mark('held', false);
  endGesture();
}

/** Put back what is being dragged. Returns whether anything was. */
export function cancelDrag(): boolean {
  if (!isDragging) return false;
  isDragging = false;
  markLinkUnder(undefined);
  dropGesture();
  return true;
}
