/** What is known of subgraphs that are not open, of notes, of pinned cards, and of the editor's own types in another language. */
import { describe, expect, it } from 'vitest';
import { fittingInput, refusal } from '../src/graph/connect';
import { addNode, newNode, updateNode } from '../src/graph/edit';
import { cardLayout } from '../src/graph/geometry';
import { arrange } from '../src/graph/layout';
import { openSubgraph, rootOf } from '../src/graph/levels';
import { keepPinned } from '../src/graph/look';
import { EMPTY_GRAPH, INPUTS } from '../src/graph/model';
import { problemsOfGraph } from '../src/graph/problems';
import { placeable, searchSpecs } from '../src/graph/search';
import { withSubgraphs } from '../src/graph/subgraphSpec';
import { makeSubgraph } from '../src/graph/subgraphMake';
import { specOf, VIRTUAL_SPECS, withVirtual } from '../src/graph/virtual';
import { EN } from '../src/text/en';
import { TOY } from './material';
import { chain, opened, packed } from './subgraphMaterial';

describe('unknown nodes within subgraphs', () => {
  const { graph, id } = packed();
  const inside = opened(graph, id);
  const [inner = ''] = Object.keys(inside.nodes).filter((node) => inside.nodes[node]?.type === 'Patch');
  const strange = rootOf(updateNode(inside, inner, { type: 'Pach' }));
  const schema = withSubgraphs(TOY, strange.subgraphs);

  it('are named as runs name them, with a near type', () => {
    expect(problemsOfGraph(graph, withSubgraphs(TOY, graph.subgraphs), EN.problem)).toEqual([]);
    const [problem, ...others] = problemsOfGraph(strange, schema, EN.problem);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ code: 'unknown_node', node: `${id}:${inner}` });
    expect(problem?.replacement).toBe('Patch');
  });

  it('are told for each node that stands for the subgraph, but not where it does not run', () => {
    const twice = addNode(strange, schema[strange.nodes[id]?.type ?? ''] ?? expect.fail(), { x: 0, y: 900 });
    const found = problemsOfGraph(twice.graph, schema, EN.problem);
    expect(found.map(({ node }) => node)).toEqual([`${id}:${inner}`, `${twice.id}:${inner}`]);
    expect(new Set(found.map(({ key }) => key)).size).toBe(2);
    expect(problemsOfGraph(updateNode(strange, id, { mode: 'muted' }), schema, EN.problem)).toEqual([]);
  });

  it('are found through several levels', () => {
    const outer = makeSubgraph(strange, schema, new Set([id]), 'Outer', () => 'outer') ?? expect.fail('refused');
    const [held = ''] = Object.keys(openSubgraph(outer.graph, outer.id)?.nodes ?? {}).filter((node) => !node.startsWith('-'));
    expect(problemsOfGraph(outer.graph, withSubgraphs(TOY, outer.graph.subgraphs), EN.problem).map(({ node }) => node)).toEqual([`${outer.id}:${held}:${inner}`]);
  });
});

describe('notes', () => {
  const spec = VIRTUAL_SPECS['MarkdownNote'] ?? expect.fail();
  const added = addNode(chain(), spec, { x: 0, y: 0 });

  it('have no socket, and are offered to no link', () => {
    const node = added.graph.nodes[added.id] ?? expect.fail();
    expect(cardLayout(node, spec).inputs).toEqual([]);
    expect(cardLayout(node, spec).widgets).toHaveLength(1);
    expect(fittingInput(spec, 'STRING')).toBeUndefined();
    expect(refusal(added.graph, TOY, { source: '1', sourceSlot: 0, target: added.id, input: 'text' })).toBe('no_such_socket');
    expect(searchSpecs(TOY, 'note', { type: 'STRING', needs: 'in' })).toEqual([]);
  });
});

describe('pinned cards', () => {
  it('stay where others are arranged', () => {
    const graph = updateNode(chain(), '3', { pinned: true, position: { x: 5000, y: 7 } });
    const kept = keepPinned(graph, arrange(graph, TOY));
    expect(kept.nodes['3']?.position).toEqual({ x: 5000, y: 7 });
    expect(kept.nodes['5']?.position).toEqual(arrange(graph, TOY).nodes['5']?.position);
    expect(keepPinned(graph, graph)).toBe(graph);
  });
});

describe("the editor's own types", () => {
  const german = withVirtual(TOY, { titles: { Note: 'Notiz', PrimitiveNode: 'Wert', SubgraphInputs: 'Eingänge' }, labels: { text: 'Text' }, categories: { utils: 'Hilfen' } });

  it('have titles of the language, and are stored under those that files know', () => {
    expect(german['Note']).toMatchObject({ title: 'Notiz', serverTitle: 'Note', inputs: [{ name: 'text', label: 'Text' }] });
    const primitive = { ...newNode(VIRTUAL_SPECS['Note'] ?? expect.fail(), '9', { x: 0, y: 0 }), type: 'PrimitiveNode' };
    expect(specOf(german, primitive)?.title).toBe('Wert');
    expect(specOf(TOY, primitive)?.title).toBe('Wert');
    expect(specOf(withVirtual(TOY, { titles: {}, labels: {}, categories: {} }), primitive)?.title).toBe('PrimitiveNode');
    const { graph, id } = packed();
    const inside = opened(graph, id);
    expect(specOf(german, inside.nodes[INPUTS] ?? expect.fail())?.title).toBe('Eingänge');
  });

  it('are offered once, and only those a user can place', () => {
    const types = placeable(german).map(({ type }) => type);
    expect(types.filter((type) => type === 'Note')).toHaveLength(1);
    expect(types).not.toContain('SubgraphInputs');
    expect(placeable(german).find(({ type }) => type === 'Note')?.title).toBe('Notiz');
    expect(placeable(TOY).map(({ type }) => type)).toEqual(types);
    expect(problemsOfGraph({ ...EMPTY_GRAPH, nodes: { 1: { ...newNode(VIRTUAL_SPECS['Note'] ?? expect.fail(), '1', { x: 0, y: 0 }), type: 'Notes' } } }, german, EN.problem)[0]?.detail).not.toContain('Note?');
  });
});
