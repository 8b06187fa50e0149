/** Subgraphs: made, opened, left, taken apart. */
import { randomUuid } from '../graph/ids';
import { leaveSubgraph, leaveTo, levelOf, openSubgraph, pathOf } from '../graph/levels';
import type { Graph } from '../graph/model';
import { addSlot, moveSlot, removeSlot, renameSlot, renameSubgraph, type Side } from '../graph/subgraphSlots';
import { makeRefusal, makeSubgraph, unpackSubgraph } from '../graph/subgraphMake';
import { TEXT } from '../text';
import { requestFit } from './camera';
import { commit, endGesture } from './edits';
import { shownRuns } from './shownRuns';
import { getState, setState } from './store';
import { notify } from './ui';

/** Show another level of the document. That is no edit: what undo brings back shows where it was made. */
function show(graph: Graph, selection: readonly string[] = []): void {
  const { runs } = getState();
  const live = Object.entries(shownRuns({ runs, graph })).flatMap(([id, run]) => (run.preview === null ? [] : [id]));
  setState({ graph, selection: new Set(selection), linkSelection: new Set(), live: new Set(live), menu: null });
  requestFit();
}

/** Whether a node stands for a graph that can be opened. */
export function isSubgraph(graph: Graph, id: string): boolean {
  return (graph.nodes[id]?.type ?? '') in graph.subgraphs;
}

/** Open the graph behind a node. Returns whether there is one. */
export function openNode(id: string): boolean {
  endGesture();
  const graph = openSubgraph(getState().graph, id);
  if (graph) show(graph);
  return graph !== undefined;
}

/** Open the selected node. Returns whether it could be. */
export function openSelected(): boolean {
  const [id, ...others] = getState().selection;
  return id !== undefined && others.length === 0 && openNode(id);
}

/** Go back to the graph around the open subgraph; the node that was open is selected. Returns whether one was open. */
export function goBack(): boolean {
  endGesture();
  const { graph } = getState();
  if (!graph.outer) return false;
  show(leaveSubgraph(graph), [graph.outer.node]);
  return true;
}

/** Go back so far that this many subgraphs are open. */
export function goBackTo(depth: number): void {
  endGesture();
  const { graph } = getState();
  const opened = pathOf(graph)[depth];
  if (opened) show(leaveTo(graph, depth), [opened.node]);
}

/** Show the level where a node of a run is. Returns the node's id there. */
export function openLevelOf(runId: string): string {
  const { graph } = getState();
  const level = levelOf(graph, runId);
  if (level.graph !== graph) show(level.graph);
  return level.id;
}

/** Turn the selected nodes into one that stands for them. */
export function packSelection(): void {
  const { graph, schema, selection } = getState();
  const reason = makeRefusal(graph, selection);
  const made = makeSubgraph(graph, schema, selection, TEXT.subgraph.fresh, randomUuid);
  if (reason === undefined && made) {
    commit(made.graph);
    setState({ selection: new Set([made.id]), linkSelection: new Set() });
    notify(TEXT.subgraph.made(selection.size));
  } else notify(TEXT.subgraph.refusals[reason ?? 'nothing_chosen'], true);
}

/** Put what the selected nodes stand for in their place. */
export function unpackSelection(): void {
  const { graph, selection } = getState();
  const chosen = [...selection].filter((id) => isSubgraph(graph, id));
  let next = graph;
  const ids: string[] = [];
  for (const id of chosen) {
    const unpacked = unpackSubgraph(next, id);
    next = unpacked?.graph ?? next;
    ids.push(...(unpacked?.ids ?? []));
  }
  commit(next);
  if (ids.length > 0) setState({ selection: new Set(ids), linkSelection: new Set() });
}

/** Rename a subgraph: all nodes that stand for it. */
export function renameGraph(id: string, name: string): void {
  commit(renameSubgraph(getState().graph, id, name));
}

/** Add an input or output to the open subgraph. */
export function addOwnSlot(side: Side): void {
  commit(addSlot(getState().graph, side, side === 'in' ? TEXT.subgraph.input : TEXT.subgraph.output, '*', randomUuid()));
}

/** Rename an input or output of the open subgraph. */
export function renameOwnSlot(side: Side, id: string, name: string): void {
  commit(renameSlot(getState().graph, side, id, name));
}

/** Move an input or output of the open subgraph to another place. */
export function moveOwnSlot(side: Side, id: string, to: number): void {
  commit(moveSlot(getState().graph, side, id, to));
}

/** Remove an input or output of the open subgraph. */
export function removeOwnSlot(side: Side, id: string): void {
  commit(removeSlot(getState().graph, side, id));
}
