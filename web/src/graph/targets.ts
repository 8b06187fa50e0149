/** Which part of a graph a run of some outputs takes in. */
import type { Graph } from './model';
import { linkIndex } from './model';
import { isRun, type ApiPrompt } from './serialize';
import type { Schema } from './schema';
import { specOf } from './virtual';

function reached(start: Iterable<string>, next: (id: string) => readonly string[]): Set<string> {
  const seen = new Set(start);
  const pending = [...seen];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    for (const other of next(id)) {
      if (seen.has(other)) continue;
      seen.add(other);
      pending.push(other);
    }
  }
  return seen;
}

/** The selected output nodes; where none is selected, those that the selected nodes lead to. */
export function outputsOf(graph: Graph, schema: Schema, selection: ReadonlySet<string>): string[] {
  const isOutput = (id: string): boolean => {
    const node = graph.nodes[id];
    return node !== undefined && isRun(node, schema) && specOf(schema, node)?.isOutput === true;
  };
  const chosen = [...selection].filter(isOutput);
  if (chosen.length > 0) return chosen;
  const { outOf } = linkIndex(graph);
  return [...reached(selection, (id) => (outOf[id] ?? []).map((link) => link.target))].filter(isOutput);
}

/** These nodes of a graph in API form, and everything they get something from. */
export function neededBy(prompt: ApiPrompt, ids: Iterable<string>): string[] {
  const sources = (id: string): string[] =>
    Object.values(prompt[id]?.inputs ?? {}).flatMap((value) => (Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && value[0] in prompt ? value[0] : []));
  return [...reached(ids, sources)];
}
