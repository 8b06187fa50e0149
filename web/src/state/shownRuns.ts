/** What the cards of the graph shown tell of a run: a subgraph's card tells what those inside do. */
import { runPrefix } from '../graph/levels';
import type { NodeRun, State } from './store';

type Runs = State['runs'];

/** One after the other: the first that any of them is in is what all are in. */
const STATES: readonly NodeRun['state'][] = ['failed', 'running', 'waiting', 'done', 'cached'];

function together(runs: readonly NodeRun[]): NodeRun | undefined {
  const busy = runs.find((run) => run.state === 'running');
  const [first] = runs;
  if (!first) return undefined;
  const state = STATES.find((one) => runs.some((run) => run.state === one)) ?? first.state;
  return {
    ...(busy ?? first), state: busy ? 'running' : state,
    preview: runs.find((run) => run.preview !== null)?.preview ?? null,
    elapsedMs: runs.reduce((sum, run) => sum + run.elapsedMs, 0),
    images: runs.flatMap((run) => run.images), text: runs.map((run) => run.text).filter(Boolean).join('\n'),
  };
}

function shown(runs: Runs, prefix: string): Runs {
  const own: Record<string, NodeRun> = {};
  const inside: Record<string, NodeRun[]> = {};
  for (const [id, run] of Object.entries(runs)) {
    if (!id.startsWith(prefix)) continue;
    const [head = '', ...deeper] = id.slice(prefix.length).split(':');
    if (deeper.length === 0) own[head] = run;
    else (inside[head] ??= []).push(run);
  }
  for (const [id, held] of Object.entries(inside)) {
    const run = together(held);
    if (run) own[id] = run;
  }
  return own;
}

const known = new WeakMap<Runs, Map<string, Runs>>();

/** Runs by the ids of the cards shown. */
export function shownRuns({ runs, graph }: Pick<State, 'runs' | 'graph'>): Runs {
  const prefix = runPrefix(graph);
  if (prefix === '' && Object.keys(graph.subgraphs).length === 0) return runs;
  const byPrefix = known.get(runs) ?? new Map<string, Runs>();
  known.set(runs, byPrefix);
  const found = byPrefix.get(prefix) ?? shown(runs, prefix);
  byPrefix.set(prefix, found);
  return found;
}
