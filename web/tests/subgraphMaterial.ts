/** A small graph, and the same with a part of it turned into one node. */
import { expect } from 'vitest';
import { connect } from '../src/graph/connect';
import { parseEditorForm, toEditorForm } from '../src/graph/document';
import { addNode, setValue } from '../src/graph/edit';
import { parseJson, stringifyJson } from '../src/graph/json';
import { openSubgraph } from '../src/graph/levels';
import { EMPTY_GRAPH, type Graph } from '../src/graph/model';
import type { ApiPrompt } from '../src/graph/serialize';
import { makeSubgraph } from '../src/graph/subgraphMake';
import { withSubgraphs } from '../src/graph/subgraphSpec';
import { TOY } from './material';

export const newIds = (): (() => string) => {
  let count = 0;
  return () => `id-${++count}`;
};

export function place(graph: Graph, type: string): Graph {
  return addNode(graph, withSubgraphs(TOY, graph.subgraphs)[type] ?? expect.fail(type), { x: Object.keys(graph.nodes).length * 400, y: 0 }).graph;
}

export function join(graph: Graph, source: string, sourceSlot: number, target: string, input: string): Graph {
  const linked = connect(graph, withSubgraphs(TOY, graph.subgraphs), { source, sourceSlot, target, input });
  expect(linked).not.toBe(graph);
  return linked;
}

/** Load 1 → Patch 2 → Sample 3 → Show 4, text 5 from Load. */
export function chain(): Graph {
  let graph = ['Load', 'Patch', 'Sample', 'Show', 'Text'].reduce(place, EMPTY_GRAPH);
  graph = join(join(join(graph, '1', 0, '2', 'model'), '2', 0, '3', 'model'), '3', 0, '4', 'images');
  return setValue(join(join(graph, '1', 1, '5', 'clip'), '5', 0, '3', 'positive'), '2', 'amount', 0.5);
}

export function packed(ids: readonly string[] = ['2', '3']): { graph: Graph; id: string } {
  return makeSubgraph(chain(), TOY, new Set(ids), 'Sampling', newIds()) ?? expect.fail('refused');
}

export const opened = (graph: Graph, id: string): Graph => openSubgraph(graph, id) ?? expect.fail('no subgraph');
export const saved = (graph: Graph): string => stringifyJson(toEditorForm(graph, TOY));
export const reopened = (graph: Graph): Graph => parseEditorForm(parseJson(saved(graph)), TOY).graph;

/** The prompt without the places of its nodes in subgraphs: classes and what feeds them, by id. */
export function essence(prompt: ApiPrompt): string[] {
  const shown = (value: unknown): string => (Array.isArray(value) ? `${prompt[String(value[0])]?.class_type ?? '?'}.${value[1]}` : String(value));
  return Object.values(prompt).map(({ class_type, inputs }) =>
    `${class_type} ${Object.entries(inputs).sort(([a], [b]) => a.localeCompare(b)).map(([name, value]) => `${name}=${shown(value)}`).join(' ')}`).sort();
}
