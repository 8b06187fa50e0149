import { describe, expect, it } from 'vitest';
import { copyNodes, readClipboard } from '../src/graph/clipboard';
import { connect } from '../src/graph/connect';
import { toEditorForm } from '../src/graph/document';
import { removeNodes, setValue, toggleMode } from '../src/graph/edit';
import { asList, asObject } from '../src/graph/json';
import { leaveSubgraph, leaveTo, openPath, openSubgraph, pathOf, rootOf, runPrefix } from '../src/graph/levels';
import { INPUTS, OUTPUTS, type Graph } from '../src/graph/model';
import { toApiForm } from '../src/graph/serialize';
import { withSubgraphs } from '../src/graph/subgraphSpec';
import { makeRefusal, makeSubgraph, unpackSubgraph } from '../src/graph/subgraphMake';
import { addSlot, moveSlot, removeSlot, renameSlot, renameSubgraph, slotsOf } from '../src/graph/subgraphSlots';
import { OPEN_SLOT, specOf } from '../src/graph/virtual';
import { TOY } from './material';
import { chain, essence, newIds, opened, packed, place, reopened, saved } from './subgraphMaterial';

describe('a selection turned into one node', () => {
  const { graph, id } = packed();

  it('has the sockets that links crossed, and a card of its own', () => {
    expect(Object.keys(graph.nodes)).toEqual(['1', '4', '5', id]);
    const spec = specOf(withSubgraphs(TOY, graph.subgraphs), graph.nodes[id] ?? expect.fail());
    expect(spec).toMatchObject({ title: 'Sampling', isSubgraph: true });
    expect(spec?.inputs.map(({ name, type }) => [name, type])).toEqual([['model', 'MODEL'], ['positive', 'CONDITIONING']]);
    expect(spec?.outputs.map(({ name }) => name)).toEqual(['IMAGE']);
  });

  it('runs as before, under ids that name the way', () => {
    const prompt = toApiForm(graph, TOY);
    expect(Object.keys(prompt).sort()).toEqual(['1', '4', '5', `${id}:2`, `${id}:3`]);
    expect(essence(prompt)).toEqual(essence(toApiForm(chain(), TOY)));
    expect(prompt[`${id}:3`]?.inputs['model']).toEqual([`${id}:2`, 0]);
  });

  it('is saved in the form that others read, and opens again the same', () => {
    const document = toEditorForm(graph, TOY);
    const [definition] = asList(asObject(document['definitions'])['subgraphs']).map(asObject);
    expect(definition).toMatchObject({
      name: 'Sampling', version: 1, state: { lastNodeId: 3 }, inputNode: { id: -10 }, outputNode: { id: -20 },
      inputs: [{ name: 'model', type: 'MODEL', linkIds: [1] }, { name: 'positive', linkIds: [5] }], outputs: [{ name: 'IMAGE', linkIds: [6] }],
    });
    expect(asList(definition?.['nodes']).map((node) => asObject(node)['id'])).toEqual([2, 3]);
    expect(asList(definition?.['links'])).toContainEqual({ id: 1, origin_id: -10, origin_slot: 0, target_id: 2, target_slot: 0, type: 'MODEL' });
    expect(asList(definition?.['links'])).toContainEqual({ id: 6, origin_id: 3, origin_slot: 0, target_id: -20, target_slot: 0, type: 'IMAGE' });
    const again = reopened(graph);
    expect(saved(again)).toBe(saved(graph));
    expect(essence(toApiForm(again, TOY))).toEqual(essence(toApiForm(graph, TOY)));
  });

  it('comes apart again into what it was', () => {
    const { graph: flat, ids } = unpackSubgraph(graph, id) ?? expect.fail();
    expect(ids.size).toBe(2);
    expect(essence(toApiForm(flat, TOY))).toEqual(essence(toApiForm(chain(), TOY)));
    const place = (of: Graph, type: string): number | undefined => Object.values(of.nodes).find((node) => node.type === type)?.position.x;
    expect((place(flat, 'Sample') ?? 0) - (place(flat, 'Patch') ?? 0)).toBe((place(chain(), 'Sample') ?? 0) - (place(chain(), 'Patch') ?? 0));
    expect(JSON.stringify(toEditorForm(flat, TOY))).not.toContain('definitions');
    expect(unpackSubgraph(graph, '1')).toBeUndefined();
  });

  it('is refused where nothing is chosen or a circle would come of it', () => {
    expect(makeRefusal(chain(), new Set(['nope']))).toBe('nothing_chosen');
    expect(makeRefusal(chain(), new Set(['1', '3']))).toBe('circle');
    expect(makeSubgraph(chain(), TOY, new Set(['1', '3']), 'X', newIds())).toBeUndefined();
  });

  it('takes the groups along that hold nothing else', () => {
    const group = (title: string, x: number, width: number): Graph['groups'][number] => ({ title, position: { x, y: -10 }, size: { width, height: 100 }, color: '', raw: {} });
    const grouped = { ...chain(), groups: [group('inside', 390, 500), group('across', -10, 5000)] };
    const made = makeSubgraph(grouped, TOY, new Set(['2', '3']), 'S', newIds()) ?? expect.fail();
    expect(made.graph.groups.map(({ title }) => title)).toEqual(['across']);
    expect(unpackSubgraph(made.graph, made.id)?.graph.groups.map(({ title }) => title)).toEqual(['across', 'inside']);
  });
});

describe('going in and out', () => {
  const { graph, id } = packed();

  it('gives the same graph back where nothing was changed', () => {
    const inside = opened(graph, id);
    expect(Object.keys(inside.nodes).sort()).toEqual([INPUTS, OUTPUTS, '2', '3'].sort());
    expect(pathOf(inside).map(({ node }) => node)).toEqual([id]);
    expect(runPrefix(inside)).toBe(`${id}:`);
    expect(leaveSubgraph(inside)).toBe(graph);
    expect(rootOf(inside)).toBe(graph);
    expect(openSubgraph(graph, '1')).toBeUndefined();
    expect(leaveSubgraph(graph)).toBe(graph);
  });

  it('carries changes out, to every node of that subgraph, whatever level is shown', () => {
    const two = place(graph, graph.nodes[id]?.type ?? '');
    const inside = setValue(opened(two, id), '2', 'amount', 1.5);
    const amounts = (shown: Graph): unknown[] => Object.values(toApiForm(shown, TOY)).flatMap((node) => (node.class_type === 'Patch' ? [node.inputs['amount']] : []));
    expect(amounts(inside)).toEqual([1.5, 1.5]);
    expect(saved(inside)).toBe(saved(leaveSubgraph(inside)));
    expect(leaveSubgraph(inside)).toBe(rootOf(inside));
    expect(amounts(two)).toEqual([0.5, 0.5]);
  });

  it('works over several levels', () => {
    const inside = opened(graph, id);
    const nested = makeSubgraph(inside, withSubgraphs(TOY, inside.subgraphs), new Set(['3']), 'Inner', () => `n-${Math.random()}`) ?? expect.fail();
    expect(essence(toApiForm(nested.graph, TOY))).toEqual(essence(toApiForm(chain(), TOY)));
    const deep = opened(nested.graph, nested.id);
    expect(runPrefix(deep)).toBe(`${id}:${nested.id}:`);
    const changed = setValue(deep, '3', 'steps', 7);
    expect(toApiForm(changed, TOY)[`${id}:${nested.id}:3`]?.inputs['steps']).toBe(7);
    expect(leaveTo(changed, 1).outer?.node).toBe(id);
    expect(leaveTo(changed, 0)).toBe(rootOf(changed));
    expect(saved(reopened(changed))).toBe(saved(changed));
    expect(runPrefix(openPath(rootOf(changed), [id, nested.id]))).toBe(runPrefix(deep));
    expect(runPrefix(openPath(rootOf(changed), ['1', 'gone']))).toBe('');
  });

  it('protects the subgraph\'s own inputs and outputs', () => {
    const inside = opened(graph, id);
    expect(removeNodes(inside, new Set([INPUTS, OUTPUTS]))).toBe(inside);
    expect(toggleMode(inside, new Set([INPUTS]), 'muted').nodes[INPUTS]?.mode).toBe('always');
    expect(makeRefusal(inside, new Set([INPUTS]))).toBe('nothing_chosen');
    expect(readClipboard(copyNodes(inside, TOY, new Set([INPUTS, '2'])), TOY)?.nodes).toHaveProperty('2');
  });
});

describe('inputs and outputs of a subgraph', () => {
  const { graph, id } = packed();
  const inside = opened(graph, id);
  const slot = (of: Graph, name: string, side: 'in' | 'out' = 'in'): string => slotsOf(of, side).find((one) => one.name === name)?.id ?? expect.fail(name);
  const feeds = (shown: Graph): string[] => Object.values(rootOf(shown).links).filter((link) => link.target === id).map((link) => `${link.source}>${link.input}`).sort();

  it('keep their links when they are renamed and moved', () => {
    const renamed = renameSlot(inside, 'in', slot(inside, 'model'), 'network');
    const moved = moveSlot(renamed, 'in', slot(renamed, 'network'), 1);
    expect(slotsOf(moved, 'in').map(({ name }) => name)).toEqual(['positive', 'network']);
    expect(feeds(moved)).toEqual(['1>network', '5>positive']);
    expect(essence(toApiForm(moved, TOY))).toEqual(essence(toApiForm(chain(), TOY)));
    const out = renameSlot(addSlot(moved, 'out', 'IMAGE', 'IMAGE', 'x'), 'out', slot(inside, 'IMAGE', 'out'), 'picture');
    const swapped = moveSlot(out, 'out', slot(out, 'picture', 'out'), 1);
    expect(slotsOf(swapped, 'out').map(({ name }) => name)).toEqual(['IMAGE_1', 'picture']);
    expect(essence(toApiForm(swapped, TOY))).toEqual(essence(toApiForm(chain(), TOY)));
    expect(essence(toApiForm(reopened(swapped), TOY))).toEqual(essence(toApiForm(chain(), TOY)));
    const again = reopened(swapped);
    const back = renameSlot(opened(again, id), 'out', slot(opened(again, id), 'picture', 'out'), 'image');
    expect(essence(toApiForm(reopened(back), TOY))).toEqual(essence(toApiForm(chain(), TOY)));
  });

  it('take their links along when they go', () => {
    const gone = removeSlot(inside, 'in', slot(inside, 'model'));
    expect(feeds(gone)).toEqual(['5>positive']);
    expect(toApiForm(gone, TOY)[`${id}:2`]?.inputs).toEqual({ amount: 0.5 });
    expect(toApiForm(removeSlot(inside, 'out', slot(inside, 'IMAGE', 'out')), TOY)['4']?.inputs).toEqual({});
  });

  it('leave everything alone where there is nothing to do', () => {
    const model = slot(inside, 'model');
    expect(renameSlot(inside, 'in', model, ' ')).toBe(inside);
    expect(renameSlot(inside, 'in', model, 'model')).toBe(inside);
    expect(moveSlot(inside, 'in', model, 0)).toBe(inside);
    expect(moveSlot(inside, 'in', model, 9)).toBe(inside);
    expect(moveSlot(inside, 'in', 'none', 0)).toBe(inside);
    expect(addSlot(graph, 'in', 'x', '*', 'x')).toBe(graph);
    expect(renameSubgraph(graph, 'none', 'x')).toBe(graph);
    const type = graph.nodes[id]?.type ?? '';
    expect(renameSubgraph(graph, type, 'Better').subgraphs[type]?.name).toBe('Better');
  });

  it('are added by a link to the open end, and then show the widget they lead to', () => {
    const schema = withSubgraphs(TOY, inside.subgraphs);
    const open = slotsOf(inside, 'in').length;
    const promoted = connect(inside, schema, { source: INPUTS, sourceSlot: open, target: '3', input: 'steps' });
    const out = connect(promoted, schema, { source: '2', sourceSlot: 0, target: OUTPUTS, input: OPEN_SLOT });
    const root = rootOf(out);
    const spec = withSubgraphs(TOY, root.subgraphs)[root.nodes[id]?.type ?? ''];
    expect(spec?.inputs.at(-1)).toMatchObject({ name: 'steps', type: 'INT', widget: { kind: 'int', default: 20 } });
    expect(spec?.outputs.map(({ name }) => name)).toEqual(['IMAGE', 'MODEL']);
    const set = setValue(root, id, 'steps', 33);
    expect(toApiForm(root, TOY)[`${id}:3`]?.inputs['steps']).toBe(20);
    expect(toApiForm(set, TOY)[`${id}:3`]?.inputs['steps']).toBe(33);
    expect(toApiForm(reopened(set), TOY)[`${id}:3`]?.inputs['steps']).toBe(33);
    expect(saved(reopened(set))).toBe(saved(set));
    const node = asList(toEditorForm(set, TOY)['nodes']).map(asObject).find((entry) => entry['id'] === Number(id));
    expect(node?.['widgets_values']).toEqual([33]);
    const unpacked = unpackSubgraph(set, id) ?? expect.fail();
    expect(Object.values(unpacked.graph.nodes).find((one) => one.type === 'Sample')?.values['steps']).toBe(33);
    const reread = setValue(reopened(root), id, 'steps', 44);
    expect(toApiForm(reopened(reread), TOY)[`${id}:3`]?.inputs['steps']).toBe(44);
  });
});
