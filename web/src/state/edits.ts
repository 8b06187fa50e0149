/** Edits of the graph, one undo step per gesture. */
import { isAdvanced } from '../graph/advanced';
import { connect, disconnect, fittingInput, fittingOutput, refusal, type Endpoints } from '../graph/connect';
import { copyText, pasteNodes } from '../graph/clipboard';
import { addNode, newNode, removeNodes, setControl, setValue, toggleMode, updateNode } from '../graph/edit';
import { redo, remember, undo } from '../graph/history';
import { fedBy } from '../graph/holders';
import { arrange, freePlace, makeRoom } from '../graph/layout';
import { runPrefix } from '../graph/levels';
import { keepPinned } from '../graph/look';
import type { Graph, GraphNode, Mode, Point, SeedControl } from '../graph/model';
import type { Problem } from '../graph/problems';
import type { NodeSpec, WidgetValue } from '../graph/schema';
import { isRecursive } from '../graph/subgraphMake';
import { replaceNode } from '../graph/rewire';
import { specOf, VIRTUAL_SPECS } from '../graph/virtual';
import { TEXT } from '../text';
import { revealNode } from './camera';
import { getState, setState, type PaletteRequest } from './store';
import { notify } from './ui';

/** Replace the graph as one undoable step, or as part of the gesture under way. */
export function commit(graph: Graph): void {
  const { graph: before, history, gesture } = getState();
  if (graph === before) return;
  setState({ graph, history: gesture ? history : remember(history, before) });
}

/** Begin a gesture: changes until {@link endGesture} become one step. */
export function beginGesture(): void {
  if (!getState().gesture) setState({ gesture: getState().graph });
}

/** End the gesture under way. */
export function endGesture(): void {
  const { gesture, graph, history } = getState();
  if (!gesture) return;
  setState({ gesture: null, history: gesture === graph ? history : remember(history, gesture) });
}

/** End the gesture under way as if it had not begun. */
export function dropGesture(): void {
  const { gesture } = getState();
  if (gesture) setState({ graph: gesture, gesture: null });
}

/** Take the last step back. */
export function undoStep(): void {
  endGesture();
  const step = undo(getState().history, getState().graph);
  if (step) setState({ graph: step.present, history: step.history });
}

/** Take the undone step again. */
export function redoStep(): void {
  const step = redo(getState().history, getState().graph);
  if (step) setState({ graph: step.present, history: step.history });
}

/** What was reported of an input is out of date once the input changes, or the value of the card that holds it. */
function forgetProblems(node: string, input: string): void {
  const { reported, graph } = getState();
  const prefix = runPrefix(graph);
  const changed = [{ node, input }, ...fedBy(graph, node)].map((at) => ({ ...at, node: prefix + at.node }));
  const isOld = (problem: Problem): boolean => changed.some((at) => problem.node === at.node && (problem.input === undefined || problem.input === at.input));
  const kept = reported.filter((problem) => !isOld(problem));
  if (kept.length !== reported.length) setState({ reported: kept });
}

/** Stands for every selected card, where one field edits them all. */
export const SELECTED = '*';

/** The cards a field edits: its own, or all that are selected now. */
export function cardsOf(node: string): readonly string[] {
  return node === SELECTED ? [...getState().selection] : [node];
}

/** Do it for each of these cards, as one step. */
function forEach(nodes: readonly string[], edit: (id: string) => void): void {
  const isOwn = nodes.length > 1 && !getState().gesture;
  if (isOwn) beginGesture();
  for (const id of nodes) edit(id);
  if (isOwn) endGesture();
}

function editOne(node: string, input: string, value: WidgetValue): void {
  const { graph, schema } = getState();
  const held = graph.nodes[node];
  const changed = setValue(graph, node, input, value);
  // A row that is being edited must not fold away when it comes back to its default.
  const unfolds = held && changed !== graph && isAdvanced(specOf(schema, held), input);
  commit(unfolds ? updateNode(changed, node, { open: true }) : changed);
  forgetProblems(node, input);
}

/** Set a widget's value in several cards, as one step. */
export function editValues(nodes: readonly string[], input: string, value: WidgetValue): void {
  forEach(nodes, (id) => editOne(id, input, value));
}

/** Set a widget's value. */
export function editValue(node: string, input: string, value: WidgetValue): void {
  editValues(cardsOf(node), input, value);
}

/** Set what happens to a seed after a run. */
export function editControl(node: string, input: string, control: SeedControl): void {
  forEach(cardsOf(node), (id) => commit(setControl(getState().graph, id, input, control)));
}

/** Unfold or fold a card's advanced inputs; what stands below a card that grows makes room. */
export function toggleMore(id: string): void {
  const { graph, schema } = getState();
  const node = graph.nodes[id];
  if (node) commit(makeRoom(updateNode(graph, id, { open: !node.open }), graph, schema, id));
}

/** Change fields of a node, for instance its title. */
export function editNode(id: string, change: Partial<GraphNode>): void {
  commit(updateNode(getState().graph, id, change));
}

/** Link two sockets; says why when it is refused. */
export function link(ends: Endpoints): void {
  const { graph, schema } = getState();
  const reason = refusal(graph, schema, ends);
  if (reason) {
    notify(TEXT.refusals[reason], true);
    return;
  }
  commit(connect(graph, schema, ends));
  forgetProblems(ends.target, ends.input);
}

/** Remove links. */
export function unlink(ids: Iterable<string>): void {
  commit(disconnect(getState().graph, ids));
  setState({ linkSelection: new Set() });
}

/** A subgraph cannot hold itself: say so where that would come of these types. */
function refuseRecursion(types: readonly string[], subgraphs: Graph['subgraphs'] = {}): boolean {
  const { graph } = getState();
  const isRefused = isRecursive(graph, types, { ...subgraphs, ...graph.subgraphs });
  if (isRefused) notify(TEXT.subgraph.refusals.recursion, true);
  return isRefused;
}

/** Add a node where the palette was opened, linked to the open end if there is one. */
export function place(spec: NodeSpec, request: PaletteRequest): void {
  if (refuseRecursion([spec.type])) return;
  const { schema, graph } = getState();
  if (request.replaces !== undefined) {
    commit(replaceNode(graph, schema, request.replaces, spec));
    setState({ palette: null });
    return;
  }
  const at = freePlace(graph, schema, request.at, newNode(spec, '', request.at).size);
  const { graph: withNode, id } = addNode(graph, spec, at);
  let next = withNode;
  const { end } = request;
  if (end?.needs === 'in') {
    const input = fittingInput(spec, end.type);
    if (input !== undefined) next = connect(next, schema, { source: end.node, sourceSlot: Number(end.key), target: id, input });
  } else if (end) {
    const sourceSlot = fittingOutput(spec, end.type);
    if (sourceSlot !== undefined) next = connect(next, schema, { source: id, sourceSlot, target: end.node, input: end.key });
  }
  commit(next);
  if (end?.needs === 'out') forgetProblems(end.node, end.key);
  setState({ palette: null, selection: new Set([id]), linkSelection: new Set() });
  revealNode(next.nodes[id]);
}

/** Add a node of a type at a point. */
export function placeType(type: string, at: Point): void {
  const spec = getState().schema[type] ?? VIRTUAL_SPECS[type];
  if (spec) place(spec, { at });
}

/** Delete the selected nodes and links. */
export function deleteSelection(): void {
  const { graph, selection, linkSelection } = getState();
  commit(removeNodes(disconnect(graph, linkSelection), selection));
  setState({ selection: new Set(), linkSelection: new Set() });
}

/** Select every node. */
export function selectAll(): void {
  setState({ selection: new Set(Object.keys(getState().graph.nodes)) });
}

/** Mute or bypass the selection, or end it. */
export function toggleSelectionMode(mode: Mode): void {
  const { graph, selection } = getState();
  if (selection.size > 0) commit(toggleMode(graph, selection, mode));
}

/** Text of the selection for the clipboard; empty where nothing is selected. */
export function copySelection(): string {
  const { graph, schema, selection } = getState();
  return selection.size > 0 ? copyText(graph, schema, selection) : '';
}

/** Add copied nodes around a point and select them. */
export function paste(copied: Graph, at: Point): void {
  if (refuseRecursion(Object.values(copied.nodes).map((node) => node.type), copied.subgraphs)) return;
  const { graph, ids } = pasteNodes(getState().graph, copied, at);
  commit(graph);
  setState({ selection: ids, linkSelection: new Set() });
  notify(TEXT.notes.pasted(ids.size));
}

/** Lay every node out in columns. */
export function tidy(): void {
  const { graph, schema } = getState();
  commit(keepPinned(graph, arrange(graph, schema)));
}
