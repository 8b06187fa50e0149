import { describe, expect, it } from 'vitest';
import { copyNodes, pasteNodes, readClipboard } from '../src/graph/clipboard';
import { parseEditorForm, toEditorForm } from '../src/graph/document';
import { setControl, setValue, toggleMode, updateNode } from '../src/graph/edit';
import { flatten } from '../src/graph/flatten';
import type { Json } from '../src/graph/json';
import { leaveSubgraph } from '../src/graph/levels';
import { EMPTY_GRAPH } from '../src/graph/model';
import { advanceSeeds } from '../src/graph/seeds';
import { toApiForm } from '../src/graph/serialize';
import { isRecursive, unpackSubgraph } from '../src/graph/subgraphMake';
import { TOY } from './material';
import { opened, packed } from './subgraphMaterial';

describe('modes and seeds', () => {
  const { graph, id } = packed();

  it('bypass and mute a subgraph as one', () => {
    expect(Object.keys(toApiForm(toggleMode(graph, new Set([id]), 'muted'), TOY))).toEqual(['1', '4', '5']);
    expect(toApiForm(toggleMode(graph, new Set([id]), 'bypassed'), TOY)['4']?.inputs).toEqual({});
    const unpacked = unpackSubgraph(toggleMode(graph, new Set([id]), 'muted'), id) ?? expect.fail();
    expect(Object.values(unpacked.graph.nodes).filter((node) => node.mode === 'muted')).toHaveLength(2);
  });

  it('move seeds on inside, and keep showing what is shown', () => {
    const before = setControl(opened(graph, id), '3', 'seed', 'increment');
    const after = advanceSeeds(before, TOY, () => 0);
    expect(after.nodes['3']?.values['seed']).toBe(1);
    expect(after.outer?.node).toBe(id);
    const fixed = leaveSubgraph(setControl(before, '3', 'seed', 'fixed'));
    expect(advanceSeeds(fixed, TOY, () => 0)).toBe(fixed);
  });
});

describe('copying nodes of a subgraph', () => {
  const { graph, id } = packed();
  const text = copyNodes(graph, TOY, new Set([id]));

  it('brings the subgraph along', () => {
    const copied = readClipboard(text, TOY) ?? expect.fail();
    const { graph: pasted } = pasteNodes(EMPTY_GRAPH, copied, { x: 0, y: 0 });
    expect(Object.keys(toApiForm(pasted, TOY))).toEqual(['1:2', '1:3']);
    const again = pasteNodes(graph, copied, { x: 0, y: 0 });
    expect(again.graph.subgraphs).toBe(graph.subgraphs);
  });

  it('keeps apart what has the same id and is not the same', () => {
    const copied = readClipboard(text, TOY) ?? expect.fail();
    const changed = leaveSubgraph(setValue(opened(graph, id), '2', 'amount', 2));
    const { graph: pasted, ids } = pasteNodes(changed, copied, { x: 0, y: 0 }, () => 'fresh');
    const [fresh = ''] = ids;
    expect(pasted.nodes[fresh]?.type).toBe('fresh');
    const prompt = toApiForm(pasted, TOY);
    expect([prompt[`${id}:2`]?.inputs['amount'], prompt[`${fresh}:2`]?.inputs['amount']]).toEqual([2, 0.5]);
  });

  it('is recognised where a subgraph would come to hold itself', () => {
    const type = graph.nodes[id]?.type ?? '';
    expect(isRecursive(graph, [type])).toBe(false);
    expect(isRecursive(opened(graph, id), [type])).toBe(true);
    expect(isRecursive(opened(graph, id), ['Load'])).toBe(false);
  });
});

describe('files with subgraphs', () => {
  const definition = (id: string, nodes: Json[], more: Record<string, Json> = {}): Json => ({ id, name: id.toUpperCase(), nodes, links: [], inputs: [], outputs: [], ...more });
  const node = (id: number, type: string, more: Record<string, Json> = {}): Json => ({ id, type, pos: [0, 0], mode: 0, ...more });
  const file = (nodes: Json[], subgraphs: Json[], links: Json[] = []): Json => ({ nodes, links, definitions: { subgraphs, other: 1 }, version: 0.4 });

  it('keep all they hold, also definitions nobody can read', () => {
    const odd = file([node(1, 'a')], [
      definition('a', [node(1, 'Patch', { widgets_values: [0.25], future: 1 })], { widgets: [1], revision: 3, unknown: { x: 1 }, inputs: [{ id: 'i', name: 'm', type: 'MODEL', linkIds: [4], label: 'L' }], links: [{ id: 4, origin_id: -10, origin_slot: 0, target_id: 1, target_slot: 0, type: 'MODEL', parentId: 9 }] }),
      { name: 'without id' }, 7,
    ]);
    const { graph, report } = parseEditorForm(odd, TOY);
    expect(report.map(({ code }) => code)).toEqual(['broken_subgraph', 'broken_subgraph']);
    expect(toEditorForm(graph, TOY)).toEqual(odd);
    expect(toEditorForm(setValue(opened(graph, '1'), '1', 'amount', 1), TOY)).toMatchObject({ definitions: { other: 1, subgraphs: [{ unknown: { x: 1 }, revision: 3, inputs: [{ label: 'L', linkIds: [4] }] }, { name: 'without id' }, 7] } });
  });

  it('are refused with the way where a subgraph holds itself', () => {
    const loop = file([node(1, 'a')], [definition('a', [node(1, 'b')]), definition('b', [node(1, 'a')])]);
    expect(() => parseEditorForm(loop, TOY)).toThrow('holds_itself: “A” → “B” → “A”');
  });

  it('pass a link straight through', () => {
    const through = definition('p', [], {
      inputs: [{ id: 'i', name: 'm', type: 'MODEL' }], outputs: [{ id: 'o', name: 'm', type: 'MODEL' }],
      links: [{ id: 1, origin_id: -10, origin_slot: 0, target_id: -20, target_slot: 0, type: 'MODEL' }],
    });
    const { graph } = parseEditorForm(file([
      node(1, 'Load', { widgets_values: ['a.safetensors'] }), node(2, 'p', { inputs: [{ name: 'm', type: 'MODEL', link: 1 }], outputs: [{ name: 'm', type: 'MODEL', links: [2] }] }),
      node(3, 'Patch', { inputs: [{ name: 'model', type: 'MODEL', link: 2 }] }),
    ], [through], [[1, 1, 0, 2, 0, 'MODEL'], [2, 2, 0, 3, 0, 'MODEL']]), TOY);
    expect(toApiForm(graph, TOY)['3']?.inputs['model']).toEqual(['1', 0]);
    expect(toApiForm(unpackSubgraph(graph, '2')?.graph ?? expect.fail(), TOY)['3']?.inputs['model']).toEqual(['1', 0]);
  });

  it('may not grow without end', () => {
    const many = Array.from({ length: 60 }, (_, at) => at + 1);
    const level = (id: string, type: string): Json => definition(id, many.map((one) => node(one, type)));
    const { graph } = parseEditorForm(file([node(1, 'a')], [level('a', 'b'), level('b', 'c'), level('c', 'Load')]), TOY);
    expect(() => flatten(graph)).toThrow('too_many_nodes: 100000');
    expect(updateNode(graph, '9', { title: 'x' })).toBe(graph);
  });
});
