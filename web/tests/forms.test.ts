import { describe, expect, it } from 'vitest';
import { asList, asObject, parseJson, stringifyJson, type Json } from '../src/graph/json';
import { parseEditorForm } from '../src/graph/document';
import { WorkflowError } from '../src/graph/parse';
import { isApiForm, parseWorkflow } from '../src/graph/parseApi';
import { toEditorForm } from '../src/graph/document';
import { toApiForm } from '../src/graph/serialize';
import { hasMaterial, readMaterial, recordedApiForms, recordedPairs, recordedSchema, TOY, WHY_SKIPPED } from './material';

/** Class and inputs only; `upload` is left in some recordings by an old tool. */
function essence(prompt: unknown): Record<string, unknown> {
  const entries = Object.entries(asObject(prompt)).map(([id, node]) => {
    const { upload: _upload, ...inputs } = asObject(asObject(node)['inputs']);
    return [id, { class_type: asObject(node)['class_type'], inputs }];
  });
  return Object.fromEntries(entries) as Record<string, unknown>;
}

describe.skipIf(!hasMaterial)(`recorded workflows (${hasMaterial ? 'found' : WHY_SKIPPED})`, () => {
  const schema = hasMaterial ? recordedSchema() : {};

  it.each(recordedPairs())('%s: the editor form converts to its API twin', (name) => {
    const { graph, report } = parseEditorForm(readMaterial('workflows', `${name}.editor.json`), schema);
    expect(report).toEqual([]);
    expect(essence(toApiForm(graph, schema))).toEqual(essence(readMaterial('workflows', `${name}.api.json`)));
  });

  it.each(recordedPairs())('%s: saving and loading again changes nothing', (name) => {
    const original = readMaterial('workflows', `${name}.editor.json`);
    const first = parseEditorForm(original, schema).graph;
    const saved = toEditorForm(first, schema);
    const second = parseEditorForm(parseJson(stringifyJson(saved)), schema).graph;
    expect(toApiForm(second, schema)).toEqual(toApiForm(first, schema));
    expect(toEditorForm(second, schema)).toEqual(saved);
    const valuesOf = (document: Json): Map<Json, Json[]> =>
      new Map(asList(asObject(document)['nodes']).map(asObject).map((n) => [n['id'] ?? null, asList(n['widgets_values'])]));
    const after = valuesOf(saved);
    for (const [id, values] of valuesOf(original)) expect(after.get(id)?.slice(0, values.length)).toEqual(values);
  });

  it.each(recordedApiForms())('%s: the API form comes back unchanged', (file) => {
    const document = readMaterial('workflows', file);
    expect(isApiForm(document)).toBe(true);
    const { graph } = parseWorkflow(document, schema);
    expect(essence(toApiForm(graph, schema))).toEqual(essence(document));
  });
});

const node = (id: number, type: string, more: Record<string, Json> = {}): Json => ({
  id, type, pos: [id * 100, 0], size: [200, 100], mode: 0, ...more,
});
const slot = (name: string, type: string, link: number | null): Json => ({ name, type, link });

/** Load → Patch (mode given) → Sample → Show, with a text. */
function chain(mode: number, between = 'Patch'): Json {
  return {
    nodes: [
      node(1, 'Load', { widgets_values: ['a.safetensors'] }),
      node(2, between, { mode, widgets_values: [0.5], inputs: [slot(between === 'Reroute' ? '' : 'model', 'MODEL', 1)] }),
      node(3, 'Sample', { widgets_values: [7, 'increment', 12], inputs: [slot('model', 'MODEL', 2), slot('positive', 'CONDITIONING', 5)] }),
      node(4, 'Show', { inputs: [slot('images', 'IMAGE', 3)] }),
      node(5, 'Text', { widgets_values: ['a fox'], inputs: [slot('clip', 'CLIP', 4)] }),
      node(6, 'Note', { widgets_values: ['remember'] }),
    ],
    links: [[1, 1, 0, 2, 0, 'MODEL'], [2, 2, 0, 3, 0, 'MODEL'], [3, 3, 0, 4, 0, 'IMAGE'], [4, 1, 1, 5, 0, 'CLIP'], [5, 5, 0, 3, 1, 'CONDITIONING']],
    groups: [], version: 0.4,
  };
}

const convert = (document: Json): ReturnType<typeof toApiForm> => toApiForm(parseEditorForm(document, TOY).graph, TOY);

describe('conversion to the API form', () => {
  it('names widget values, follows links, leaves notes out and titles every node', () => {
    const prompt = convert(chain(0));
    expect(Object.keys(prompt)).toEqual(['1', '2', '3', '4', '5']);
    expect(prompt['2']).toEqual({ class_type: 'Patch', inputs: { amount: 0.5, model: ['1', 0] }, _meta: { title: 'Patch' } });
    expect(prompt['3']?.inputs).toEqual({ seed: 7, steps: 12, model: ['2', 0], positive: ['5', 0] });
  });

  it('connects across a bypassed node', () => {
    const prompt = convert(chain(4));
    expect(prompt['2']).toBeUndefined();
    expect(prompt['3']?.inputs['model']).toEqual(['1', 0]);
  });

  it('cuts the links of a muted node', () => {
    const prompt = convert(chain(2));
    expect(prompt['2']).toBeUndefined();
    expect(prompt['3']?.inputs).not.toHaveProperty('model');
  });

  it('passes through a reroute', () => {
    expect(convert(chain(0, 'Reroute'))['3']?.inputs['model']).toEqual(['1', 0]);
  });

  it('puts the value of a primitive into the widget it feeds', () => {
    const prompt = convert({
      nodes: [
        node(1, 'PrimitiveNode', { widgets_values: [33, 'fixed'], outputs: [{ name: 'INT', type: 'INT', links: [1], widget: { name: 'steps' } }] }),
        node(2, 'Sample', { widgets_values: [1, 'fixed', 5], inputs: [{ ...(slot('steps', 'INT', 1) as object), widget: { name: 'steps' } }] as Json }),
      ],
      links: [[1, 1, 0, 2, 0, 'INT']],
    });
    expect(prompt['2']?.inputs).toEqual({ seed: 1, steps: 33 });
    expect(prompt['1']).toBeUndefined();
  });

  it('fills in required values a short list lacks, but does not mention unset optional ones', () => {
    const prompt = convert({ nodes: [node(1, 'Patch', { widgets_values: [] })], links: [] });
    expect(prompt['1']?.inputs).toEqual({ amount: 1 });
  });
});

describe('reading workflows', () => {
  it('reads version 1 links', () => {
    const graph = parseEditorForm({
      version: 1, nodes: [node(1, 'Load'), node(2, 'Patch', { inputs: [slot('model', 'MODEL', 9)] })],
      links: [{ id: 9, origin_id: 1, origin_slot: 0, target_id: 2, target_slot: 0, type: 'MODEL' }],
    }, TOY).graph;
    expect(Object.values(graph.links)).toMatchObject([{ id: '9', source: '1', sourceSlot: 0, target: '2', input: 'model', type: 'MODEL' }]);
  });

  it('keeps seeds of 64 bits exactly', () => {
    const text = '{"nodes":[{"id":1,"type":"Sample","pos":[0,0],"widgets_values":[18446744073709551615,"fixed",20]}],"links":[]}';
    const { graph } = parseEditorForm(parseJson(text), TOY);
    expect(stringifyJson(toApiForm(graph, TOY))).toContain('"seed":18446744073709551615');
    expect(stringifyJson(toEditorForm(graph, TOY))).toContain('[18446744073709551615,"fixed",20]');
  });

  it('keeps unknown nodes, their values and everything else of the file', () => {
    const document: Json = {
      nodes: [node(7, 'Stranger', { widgets_values: [1, 'x'], color: '#123456', inputs: [slot('in', 'MODEL', null)], custom: { a: 1 } })],
      links: [], groups: [{ title: 'G', bounding: [0, 0, 9, 9], color: '#fff', font_size: 24 }],
      extra: { ds: { scale: 2 } }, definitions: { subgraphs: [] }, version: 0.4,
    };
    const saved = toEditorForm(parseEditorForm(document, TOY).graph, TOY);
    expect(asObject(asList(saved['nodes'])[0])).toMatchObject({ widgets_values: [1, 'x'], color: '#123456', custom: { a: 1 } });
    expect(saved).toMatchObject({ extra: { ds: { scale: 2 } }, definitions: { subgraphs: [] }, groups: [{ font_size: 24, title: 'G' }] });
  });

  it('does not show a dangling link and says so', () => {
    const { graph, report } = parseEditorForm({ nodes: [node(1, 'Load')], links: [[1, 1, 0, 99, 0, 'MODEL']] }, TOY);
    expect(graph.links).toEqual({});
    expect(report).toEqual([{ code: 'loose_link', node: null, subject: '1' }]);
  });

  it('refuses what is no workflow', () => {
    expect(() => parseWorkflow({ hello: 1 }, TOY)).toThrow(WorkflowError);
    expect(() => parseWorkflow([1], TOY)).toThrow('no_workflow');
  });

  it('finds the workflow inside a prompt body', () => {
    const { graph } = parseWorkflow({ prompt: { 1: { class_type: 'Load', inputs: { file: 'b.safetensors' } } }, client_id: 'x' }, TOY);
    expect(graph.nodes['1']?.values).toEqual({ file: 'b.safetensors' });
  });
});
