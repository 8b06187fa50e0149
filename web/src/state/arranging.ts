/** Edits of the selection as a whole: where its cards stand, how they look, what holds them together. */
import { align, boxOf, distribute, type Axis, type Edge } from '../graph/align';
import { duplicate } from '../graph/duplicate';
import { changeGroup, contentsOf, fitGroup, groupAround, removeGroup } from '../graph/groups';
import { isPinned, keepPinned, paint, restack, togglePinned } from '../graph/look';
import type { Graph, Group, Point } from '../graph/model';
import { addReroute, insertInLink, linkUnder } from '../graph/rewire';
import { TEXT } from '../text';
import { say } from './announce';
import { requestFit } from './camera';
import { useCanvasUi } from './canvasUi';
import { commit } from './edits';
import { getState, setState, titleOf } from './store';

/** What is selected of the graph as it is: undo leaves names in the selection that only redo brings back. */
function chosen(): ReadonlySet<string> {
  const { graph, selection } = getState();
  return new Set([...selection].filter((id) => id in graph.nodes));
}

function onSelection(edit: (graph: Graph, ids: ReadonlySet<string>) => Graph): void {
  const { graph } = getState();
  const selection = chosen();
  if (selection.size > 0) commit(keepPinned(graph, edit(graph, selection)));
}

/** Select cards, and nothing else. */
export function select(ids: Iterable<string>): void {
  const selection = new Set(ids);
  setState({ selection, linkSelection: new Set() });
  say(TEXT.canvas.says.selected(selection.size));
}

/** Line the selection up. */
export function alignSelection(edge: Edge): void {
  onSelection((graph, ids) => align(graph, getState().schema, ids, edge));
}

/** Give the selection equal gaps. */
export function spreadSelection(axis: Axis): void {
  onSelection((graph, ids) => distribute(graph, getState().schema, ids, axis));
}

/** Give the selection a colour, or with an empty one take it away. */
export function paintSelection(color: string): void {
  onSelection((graph, ids) => paint(graph, ids, color));
}

/** Fold the cards of the selection; unfold them where all are folded. */
export function foldSelection(): void {
  onSelection((graph, ids) => {
    const cards = [...ids].flatMap((id) => graph.nodes[id] ?? []);
    const collapsed = !cards.every((node) => node.collapsed);
    return { ...graph, nodes: { ...graph.nodes, ...Object.fromEntries(cards.map((node) => [node.id, { ...node, collapsed }])) } };
  });
}

/** Pin the selection, or free it. */
export function pinSelection(): void {
  onSelection(togglePinned);
}

/** Bring the selection before all other cards, or behind them. */
export function restackSelection(where: 'front' | 'back'): void {
  onSelection((graph, ids) => restack(graph, ids, where));
}

/** Move the selection, or one card where nothing is selected. */
export function nudge(id: string, by: Point): void {
  const { graph, schema, selection } = getState();
  const ids = selection.has(id) ? selection : new Set([id]);
  const nodes = { ...graph.nodes };
  for (const moved of ids) {
    const node = nodes[moved];
    if (node && !isPinned(node)) nodes[moved] = { ...node, position: { x: node.position.x + by.x, y: node.position.y + by.y } };
  }
  commit({ ...graph, nodes });
  const box = boxOf(getState().graph, schema, id);
  const node = graph.nodes[id];
  const name = TEXT.card.label(titleOf(getState(), id), id);
  if (box && node) say(isPinned(node) ? TEXT.canvas.says.pinned(name) : TEXT.canvas.says.moved(name, box.x, box.y));
}

/** Copy the selection beside itself; with `feeds` what feeds it feeds the copies too. */
export function duplicateBeside(feeds: boolean): void {
  const { graph, schema } = getState();
  const selection = chosen();
  if (selection.size === 0) return;
  const copies = duplicate(graph, schema, selection, feeds);
  commit(copies.graph);
  select(copies.ids);
}

/** Show only the selection. */
export function showSelection(): void {
  const { selection } = getState();
  requestFit(selection.size > 0 ? [...selection] : undefined);
}

/** Mark the link that a card without links would go into; with undefined none. */
export function markLinkUnder(id: string | undefined): void {
  const { graph, schema } = getState();
  const under = (id !== undefined && linkUnder(graph, schema, id)?.id) || null;
  if (useCanvasUi.getState().under !== under) useCanvasUi.setState({ under });
}

/** A card that was dropped on the marked link goes into it. */
export function dropOnLink(id: string): void {
  const { graph, schema } = getState();
  const { under } = useCanvasUi.getState();
  if (under !== null) commit(insertInLink(graph, schema, under, id));
  markLinkUnder(undefined);
}

/** Put a reroute into a link. */
export function rerouteLink(link: string, at: Point): void {
  const { graph, schema } = getState();
  const added = addReroute(graph, schema, link, at);
  if (!added) return;
  commit(added.graph);
  select([added.id]);
}

/** Put a group around the selection. */
export function groupSelection(): void {
  onSelection((graph, ids) => groupAround(graph, getState().schema, ids, TEXT.canvas.menu.groupTitle));
}

/** Change a group's title or colour. */
export function editGroup(at: number, change: Partial<Pick<Group, 'title' | 'color'>>): void {
  commit(changeGroup(getState().graph, at, change));
}

/** Lay a group around its cards anew. */
export function fitGroupToCards(at: number): void {
  const { graph, schema } = getState();
  commit(fitGroup(graph, schema, at));
}

/** Remove a group; its cards stay. */
export function ungroup(at: number): void {
  commit(removeGroup(getState().graph, at));
}

/** Select the cards in a group. */
export function selectGroup(at: number): void {
  const { graph, schema } = getState();
  select(contentsOf(graph, schema, at));
}
