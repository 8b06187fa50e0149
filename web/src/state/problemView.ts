/** Every problem of the document shown: what the server reported, and what the editor sees itself. */
import { rootOf, shownId } from '../graph/levels';
import type { Graph } from '../graph/model';
import { byNode, problemsOfGraph, type Problem } from '../graph/problems';
import type { Schema } from '../graph/schema';
import { TEXT } from '../text';
import type { State } from './store';

interface ProblemView {
  all: readonly Problem[];
  byNode: Readonly<Record<string, Problem[]>>;
}

let view: { graph: Graph; nodes: Graph['nodes']; schema: Schema; reported: readonly Problem[]; result: ProblemView } | undefined;

/** What the server reported and what the editor sees itself; computed again only when one of its sources changed. */
export function problemView(state: State): ProblemView {
  const { schema, reported, schemaState } = state;
  const { nodes } = state.graph;
  // Within a gesture what was known stands: a card that is dragged must not have every other looked at in each frame.
  if (view && state.gesture && view.schema === schema && view.reported === reported) return view.result;
  if (view?.nodes === nodes && view.graph.outer === state.graph.outer && view.graph.subgraphs === state.graph.subgraphs && view.schema === schema && view.reported === reported) return view.result;
  const seen = schemaState === 'ready' ? problemsOfGraph(rootOf(state.graph), schema, TEXT.problem) : [];
  const all = [...seen, ...reported];
  // A subgraph's card shows the problems inside it.
  const shown = all.map((problem) => ({ ...problem, node: problem.node === null ? null : (shownId(state.graph, problem.node) ?? null) }));
  view = { graph: state.graph, nodes, schema, reported, result: { all, byNode: byNode(shown) } };
  return view.result;
}
