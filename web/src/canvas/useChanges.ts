import type { NodeChange } from '@xyflow/react';
import { moveNodes, updateNode } from '../graph/edit';
import { changeGroup, contentsOf, moveGroup } from '../graph/groups';
import { isPinned } from '../graph/look';
import type { Graph, Point } from '../graph/model';
import { dropOnLink, markLinkUnder } from '../state/arranging';
import { commit } from '../state/edits';
import { isHeld, letGo, putBack, takeHold } from '../state/holding';
import { getState, setState } from '../state/store';
import { mark } from './mark';
import { groupOf, type FlowNode } from './flow';

interface Drag {
  /** The graph as it was. */
  before: Graph;
  /** The cards that go along with a group: those in it when the drag began. */
  carried: readonly string[];
}

/** The drag under way, until the pointer is let go. */
let drag: Drag | null = null;

function isMoving(): boolean {
  return drag !== null && isHeld();
}

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
    else graph = moveGroup(graph, group, to, change.dragging === true && drag ? drag.carried : []);
  }
  commit(movedCards(graph, positions));
}

function resize(changes: NodeChange<FlowNode>[]): void {
  for (const change of changes) {
    if (change.type !== 'dimensions' || change.setAttributes === undefined || !change.dimensions || !isHeld()) continue;
    const { graph } = getState();
    const group = groupOf(change.id);
    commit(group === undefined ? updateNode(graph, change.id, { size: change.dimensions }) : changeGroup(graph, group, { size: change.dimensions }));
  }
}

/** Apply what React Flow reports of cards and groups: moved, resized, selected. */
export function onNodesChange(changes: NodeChange<FlowNode>[]): void {
  move(changes);
  resize(changes);
  const picked = changes.filter((change) => change.type === 'select');
  if (picked.length > 0) setState({ selection: chosen(getState().selection, picked) });
}

type Keys = Pick<MouseEvent, 'ctrlKey' | 'metaKey' | 'shiftKey'>;

/** Whether a press adds to what is selected. */
export function isMore({ ctrlKey, metaKey, shiftKey }: Keys): boolean {
  return ctrlKey || metaKey || shiftKey;
}

/** A card or the canvas is pressed: no link is selected any more, unless the card is added. */
export function leaveLinks(event: Keys): void {
  if (!isMore(event) && getState().linkSelection.size > 0) setState({ linkSelection: new Set() });
}

/** Not the mouse's own events: React Flow keeps their end from everybody else. */
const LET_GO = ['pointerup', 'pointercancel'] as const;

/** The drag is over, whoever told of it first; told once more it is nothing. */
function finishDrag(): void {
  drag = null;
  for (const type of LET_GO) window.removeEventListener(type, onLetGo, true);
  mark('held', false);
  markLinkUnder(undefined);
  letGo();
}

/** React Flow tells nothing of the end where the dragged card is gone or a second finger came; what it does tell comes first. */
function onLetGo(): void {
  const held = drag;
  setTimeout(() => {
    if (drag === held) finishDrag();
  });
}

/** A drag begins: all of it is one step, and a group takes its cards along. */
export function onDragStart(event: Keys & { type: string }, node: FlowNode): void {
  leaveLinks(event);
  takeHold();
  const { graph, schema } = getState();
  const group = groupOf(node.id);
  drag = { before: graph, carried: group === undefined ? [] : contentsOf(graph, schema, group) };
  for (const type of LET_GO) window.addEventListener(type, onLetGo, true);
  mark('held', event.type.startsWith('mouse'));
}

/** The link that a single card would go into is marked; with Alt it goes into none. */
function markTarget(isFree: boolean, node: FlowNode, dragged: readonly FlowNode[]): void {
  const isSingle = dragged.length === 1 && node.type === 'card' && isMoving() && getState().graph !== drag?.before;
  markLinkUnder(isSingle && !isFree ? node.id : undefined);
}

/** While a single card is dragged, the link it would go into is marked. */
export function onDrag(event: Keys & { altKey: boolean; type: string }, node: FlowNode, dragged: readonly FlowNode[]): void {
  // After a drag that a second finger ended, React Flow does not tell of the next one's beginning.
  if (!drag) onDragStart(event, node);
  markTarget(event.altKey, node, dragged);
}

/** A drag ends: a single card that was dropped on a link goes into it. The card is gone where it was deleted meanwhile. */
export function onDragStop(event: { altKey: boolean }, node: FlowNode | undefined, dragged: readonly FlowNode[]): void {
  if (node) {
    markTarget(event.altKey, node, dragged);
    dropOnLink(node.id);
  }
  finishDrag();
}

/** Put back what is being dragged. Returns whether anything was. */
export function cancelDrag(): boolean {
  if (!putBack()) return false;
  markLinkUnder(undefined);
  return true;
}
