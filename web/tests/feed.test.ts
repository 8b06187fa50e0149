import { describe, expect, it } from 'vitest';
import { toEditorForm } from '../src/graph/document';
import { feedField, takeBack } from '../src/graph/feed';
import { newNode } from '../src/graph/edit';
import { fedBy, heldField, holderOf, holderWidget } from '../src/graph/holders';
import { linkInto } from '../src/graph/model';
import { parseWorkflow } from '../src/graph/parseApi';
import { toApiForm } from '../src/graph/serialize';
import { readSchema, type Widget } from '../src/graph/schema';
import { VIRTUAL_SPECS } from '../src/graph/virtual';
import { TOY } from './material';

const schema = { ...TOY, ...readSchema({ PrimitiveStringMultiline: { input: { required: { value: ['STRING', { multiline: true }] } }, output: ['STRING'] } }) };
const { graph } = parseWorkflow({
  1: { class_type: 'Sample', inputs: { seed: 7, steps: 12 } },
  2: { class_type: 'Text', inputs: { text: 'a fox\nin snow' } },
  3: { class_type: 'Patch', inputs: { amount: 0.5, style: 'fancy' } },
}, schema);

describe('a field that becomes an input', () => {
  it.each([['1', 'steps'], ['1', 'seed'], ['3', 'amount'], ['3', 'style']])('runs with the same value: %s %s', (id, input) => {
    const fed = feedField(graph, schema, id, input);
    expect(linkInto(fed, id, input)).toBeDefined();
    expect(toApiForm(fed, schema)).toEqual(toApiForm(graph, schema));
    expect(feedField(fed, schema, id, input)).toBe(fed);
  });

  it('is saved with its widget, reopened, and turned back with the value that its card then holds', () => {
    const fed = feedField(graph, schema, '1', 'seed');
    const { graph: again } = parseWorkflow(toEditorForm(fed, schema), schema);
    const link = linkInto(again, '1', 'seed');
    const holder = again.nodes[link?.source ?? ''];
    expect(holder).toMatchObject({ type: 'PrimitiveNode', values: { value: 7 }, controls: { value: again.nodes['1']?.controls['seed'] } });
    const nodes = toEditorForm(again, schema)['nodes'] as { id: number; inputs?: { name: string; widget?: object }[] }[];
    expect(nodes.find(({ id }) => id === 1)?.inputs?.find(({ name }) => name === 'seed')).toMatchObject({ widget: { name: 'seed' } });
    const changed = { ...again, nodes: { ...again.nodes, ...(holder ? { [holder.id]: { ...holder, values: { value: 8 } } } : {}) } };
    const back = takeBack(changed, schema, '1', 'seed');
    expect(back.nodes['1']?.values['seed']).toBe(8);
    expect(Object.keys(back.nodes)).toEqual(['1', '2', '3']);
    expect(back.links).toEqual({});
  });

  it('is offered by its card what it would offer itself', () => {
    const held = (id: string, input: string, own: Widget): Widget => {
      const fed = feedField(graph, schema, id, input);
      return holderWidget(own, heldField(fed, schema, linkInto(fed, id, input)?.source ?? '')?.widget);
    };
    const text: Widget = { kind: 'text', default: '', multiline: false };
    const whole: Widget = { kind: 'int', default: 0, min: -9, max: 9, step: 1 };
    expect(held('3', 'style', text)).toMatchObject({ kind: 'select', options: ['plain', 'fancy'] });
    expect(held('1', 'steps', whole)).toMatchObject(schema['Sample']?.inputs.find(({ name }) => name === 'steps')?.widget ?? {});
    expect(held('1', 'seed', whole)).toMatchObject({ kind: 'int', min: 0 });
    expect(held('1', 'seed', { ...whole, kind: 'seed' })).toMatchObject({ kind: 'seed', min: 0 });
    expect(held('3', 'style', whole)).toBe(whole); // the value it holds is no choice of that list
    expect(heldField(graph, schema, '1')).toBeUndefined();
  });

  it('finds what it feeds, and what feeds it, through reroutes', () => {
    const fed = feedField(graph, schema, '1', 'steps');
    const source = linkInto(fed, '1', 'steps')?.source ?? '';
    const reroute = newNode(VIRTUAL_SPECS['Reroute'] ?? ({} as never), '50', { x: 0, y: 0 });
    const link = (id: string, from: string, target: string, input: string) => ({ id, source: from, sourceSlot: 0, target, input, type: 'INT' });
    const round = { ...fed, nodes: { ...fed.nodes, 50: reroute }, links: { 1: link('1', source, '50', ''), 2: link('2', '50', '1', 'steps') } };
    expect(fedBy(round, source)).toEqual([{ node: '1', input: 'steps' }]);
    expect(holderOf(round, '1', 'steps')).toBe(source);
    expect([holderOf(round, '1', 'seed'), holderOf({ ...round, links: { 2: link('2', '2', '1', 'steps') } }, '1', 'steps')]).toEqual([undefined, undefined]);
  });

  it('keeps several lines in a card of the server', () => {
    const fed = feedField(graph, schema, '2', 'text');
    const holder = fed.nodes[linkInto(fed, '2', 'text')?.source ?? ''];
    expect(holder).toMatchObject({ type: 'PrimitiveStringMultiline', values: { value: 'a fox\nin snow' } });
    expect(takeBack(fed, schema, '2', 'text').nodes).toEqual(graph.nodes);
  });

  it('leaves a card alone that feeds others too, or is no holder of values, and what is no field', () => {
    const fed = feedField(graph, schema, '1', 'steps');
    const source = linkInto(fed, '1', 'steps')?.source ?? '';
    const twice = { ...fed, links: { ...fed.links, 99: { id: '99', source, sourceSlot: 0, target: '3', input: 'amount', type: 'INT' } } };
    expect(takeBack(twice, schema, '1', 'steps').nodes[source]).toBeDefined();
    const foreign = { ...fed, nodes: { ...fed.nodes, [source]: { ...graph.nodes['3'], id: source } as never } };
    expect(takeBack(foreign, schema, '1', 'steps').nodes['1']?.values['steps']).toBe(12);
    for (const name of ['model', 'nothing']) {
      expect(feedField(graph, schema, '1', name)).toBe(graph);
      expect(takeBack(graph, schema, '1', name)).toBe(graph);
    }
  });

  it('covers no other card with the new one', () => {
    const fed = ['steps', 'seed'].reduce((next, input) => feedField(next, schema, '1', input), graph);
    const [a, b] = ['steps', 'seed'].map((input) => fed.nodes[linkInto(fed, '1', input)?.source ?? '']);
    expect(a?.position).not.toEqual(b?.position);
  });
});
