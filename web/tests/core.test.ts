import { describe, expect, it } from 'vitest';
import { decodeBinary, decodeText } from '../src/api/decode';
import { connect } from '../src/graph/connect';
import { addNode, newNode } from '../src/graph/edit';
import { cardLayout, defaultWidth, MAX_WIDTH, MIN_WIDTH } from '../src/graph/geometry';
import { parseJson, stringifyJson } from '../src/graph/json';
import { arrange, separate } from '../src/graph/layout';
import { EMPTY_GRAPH, type Graph } from '../src/graph/model';
import { formatNumber, parseNumber, stepNumber } from '../src/graph/numbers';
import { problemOfRun, problemOfWarning, problemsOfGraph } from '../src/graph/problems';
import { readSchema, titleFromType, type NodeSpec, type NumberWidget } from '../src/graph/schema';
import { byCategory, nearest, searchSpecs } from '../src/graph/search';
import { advanceSeeds, nextSeed } from '../src/graph/seeds';
import { specOf } from '../src/graph/virtual';
import { TEXT } from '../src/text';
import { TOY } from './material';

function spec(type: string): NodeSpec {
  const found = TOY[type];
  if (!found) throw new Error(`no toy type ${type}`);
  return found;
}

const SEED: NumberWidget = { kind: 'seed', default: 0, min: 0, max: 18446744073709551615n, step: 1 };
const CFG: NumberWidget = { kind: 'float', default: 8, min: 0, max: 100, step: 0.1 };
const STEPS: NumberWidget = { kind: 'int', default: 20, min: 1, max: 100, step: 1 };

describe('JSON', () => {
  it('keeps long integers, and only those, apart from numbers', () => {
    const text = '{"seed":18446744073709551615,"small":7,"near":0.5700000000000001,"text":"18446744073709551615 \\"x\\""}';
    const value = parseJson(text);
    expect(value).toMatchObject({ seed: 18446744073709551615n, small: 7, near: 0.5700000000000001 });
    expect(stringifyJson(value)).toBe(text);
  });
});

describe('schema', () => {
  it('knows the widget of every kind of input', () => {
    const { Every } = readSchema({
      Every: {
        input: { required: {
          seed: ['INT', { default: 3 }], count: ['INT', { control_after_generate: true }], size: ['INT', { min: 1 }], cfg: ['FLOAT'],
          text: ['STRING', { multiline: true }], on: ['BOOLEAN', { default: true }], pick: [['a', 'b']], pick2: ['COMBO', { options: ['c'] }],
          file: [['x.png'], { image_upload: true }], colour: ['INT', { display: 'color' }], model: ['MODEL'], wired: ['INT', { forceInput: true }],
        } },
        input_order: { required: ['model'] }, output: [],
      },
    });
    const kinds = Object.fromEntries((Every?.inputs ?? []).map((input) => [input.name, input.widget?.kind ?? 'socket']));
    expect(kinds).toEqual({
      model: 'socket', seed: 'seed', count: 'seed', size: 'int', cfg: 'float', text: 'text', on: 'toggle', pick: 'select', pick2: 'select',
      file: 'file', colour: 'color', wired: 'socket',
    });
    expect(Every?.inputs[0]?.name).toBe('model');
  });

  it('makes titles of type names', () => {
    expect(titleFromType('ConditioningZeroOut')).toBe('Conditioning zero out');
    expect(titleFromType('VAEDecodeTiled')).toBe('VAE decode tiled');
    expect(titleFromType('KSamplerSelect')).toBe('KSampler select');
  });
});

describe('geometry', () => {
  it('gives every socket its own place inside the card and every card a bounded width', () => {
    for (const type of Object.values(TOY)) {
      const layout = cardLayout(newNode(type, '1', { x: 0, y: 0 }), type);
      const places = layout.inputs.map((socket) => socket.y);
      expect(new Set(places).size).toBe(places.length);
      for (const y of places) expect(y).toBeLessThan(layout.height);
      expect(defaultWidth(type)).toBeGreaterThanOrEqual(MIN_WIDTH);
      expect(defaultWidth(type)).toBeLessThanOrEqual(MAX_WIDTH);
    }
  });

  it('gives spare height to text, and folds to a header', () => {
    const node = newNode(spec('Text'), '1', { x: 0, y: 0 });
    const tall = cardLayout({ ...node, size: { width: 300, height: 400 } }, spec('Text'));
    expect(tall.height).toBe(400);
    const folded = cardLayout({ ...node, collapsed: true }, spec('Text'));
    expect(folded.height).toBe(36);
    expect(new Set(folded.inputs.map((socket) => socket.y))).toEqual(new Set([18]));
  });

  it('reserves room for a live picture only while there is one', () => {
    const node = newNode(spec('Sample'), '1', { x: 0, y: 0 });
    const still = cardLayout(node, spec('Sample'));
    const live = cardLayout(node, spec('Sample'), true);
    expect(still.picture).toBe(0);
    expect(live.height).toBe(still.height + live.picture + 4);
  });
});

function overlapping(graph: Graph): string[] {
  const boxes = Object.values(graph.nodes).map((node) => ({ id: node.id, ...node.position, ...pick(cardLayout(node, specOf(TOY, node))) }));
  return boxes.flatMap((a, i) => boxes.slice(i + 1).flatMap((b) =>
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height ? [`${a.id}/${b.id}`] : []));
}
const pick = ({ width, height }: { width: number; height: number }): { width: number; height: number } => ({ width, height });

describe('layout', () => {
  let graph = EMPTY_GRAPH;
  for (const type of ['Load', 'Text', 'Text', 'Patch', 'Patch', 'Sample', 'Show']) graph = addNode(graph, spec(type), { x: 10, y: 10 }).graph;
  const links = [['1', 1, '2', 'clip'], ['1', 1, '3', 'clip'], ['1', 0, '4', 'model'], ['4', 0, '5', 'model'], ['5', 0, '6', 'model'], ['2', 0, '6', 'positive'], ['6', 0, '7', 'images']] as const;
  for (const [source, sourceSlot, target, input] of links) graph = connect(graph, TOY, { source, sourceSlot, target, input });

  it('lets links run forwards and cards stand apart', () => {
    const placed = arrange(graph, TOY);
    expect(overlapping(placed)).toEqual([]);
    for (const { source, target } of Object.values(placed.links)) {
      expect(placed.nodes[source]?.position.x).toBeLessThan(placed.nodes[target]?.position.x ?? 0);
    }
  });

  it('pushes overlapping cards apart and leaves others where they are', () => {
    const apart = separate(graph, TOY);
    expect(overlapping(apart)).toEqual([]);
    expect(separate(apart, TOY).nodes['3']).toBe(apart.nodes['3']);
  });
});

describe('numbers', () => {
  it('shows, reads, steps and limits', () => {
    expect(formatNumber(4.5, CFG)).toBe('4.50');
    expect(formatNumber(0.123456, CFG)).toBe('0.123456');
    expect(parseNumber('5,5', CFG)).toBe(5.5);
    expect(parseNumber('2.7', STEPS)).toBe(3);
    expect(parseNumber('1000', STEPS)).toBe(100);
    expect(parseNumber('many', STEPS)).toBeUndefined();
    expect(parseNumber('18446744073709551615', SEED)).toBe(18446744073709551615n);
    expect(stepNumber(0.3, -1, CFG)).toBe(0.2);
    expect(stepNumber(1, -1, STEPS)).toBe(1);
    expect(stepNumber(18446744073709551614n, 1, SEED)).toBe(18446744073709551615n);
  });
});

describe('seeds', () => {
  it('move on as their control says, exactly, and wrap at the limits', () => {
    expect(nextSeed(7, 'fixed', SEED, () => 0.5)).toBe(7);
    expect(nextSeed(7, 'increment', SEED, () => 0.5)).toBe(8);
    expect(nextSeed(0, 'decrement', SEED, () => 0.5)).toBe(18446744073709551615n);
    expect(nextSeed(18446744073709551615n, 'increment', SEED, () => 0.5)).toBe(0);
    expect(nextSeed(7, 'randomize', SEED, () => 0)).toBe(0);
    expect(Number.isSafeInteger(nextSeed(7, 'randomize', SEED, () => 0.999999))).toBe(true);
  });

  it('change only the nodes that hold them', () => {
    let { graph } = addNode(EMPTY_GRAPH, spec('Sample'), { x: 0, y: 0 });
    ({ graph } = addNode(graph, spec('Patch'), { x: 0, y: 0 }));
    const next = advanceSeeds(graph, TOY, () => 0.5);
    expect(next.nodes['1']?.values['seed']).not.toBe(0);
    expect(next.nodes['2']).toBe(graph.nodes['2']);
  });
});

describe('search', () => {
  it('finds by title, type and category, best first, and only what fits an open end', () => {
    expect(searchSpecs(TOY, 'sam')[0]?.type).toBe('Sample');
    expect(searchSpecs(TOY, 'patches')[0]?.type).toBe('Patch');
    expect(searchSpecs(TOY, 'zzz')).toEqual([]);
    expect(searchSpecs(TOY, '', { type: 'IMAGE', needs: 'in' }).map((found) => found.type).sort()).toEqual(['Reroute', 'Show']);
    expect(searchSpecs(TOY, '', { type: 'CONDITIONING', needs: 'out' }).map((found) => found.type).sort()).toEqual(['Reroute', 'Text']);
  });

  it('sorts types into categories by their names in the user’s words, with what is only tried last', () => {
    const words = { titles: { A: 'Zuletzt', B: 'Anfang' }, labels: {}, categories: { mask: 'Maske', latent: 'Latent', _for_testing: 'In Erprobung' } };
    const german = readSchema({ A: { category: 'mask' }, B: { category: 'mask' }, C: { category: 'latent/batch' }, D: { category: '_for_testing', display_name: 'Odd one' } }, words);
    expect(byCategory(Object.values(german)).map(({ title, specs }) => [title, ...specs.map(({ type }) => type)]))
      .toEqual([['Latent › batch', 'C'], ['Maske', 'B', 'A'], ['In Erprobung', 'D']]);
    expect(searchSpecs(german, 'maske').map(({ type }) => type)).toEqual(['B', 'A']);
    expect(searchSpecs(german, 'odd')[0]?.type).toBe('D');
  });

  it('names the nearest choice, or none', () => {
    expect(nearest('sd3.5_canny.safetensors', ['sd3.5_large_canny.safetensors', 'other.safetensors'])).toBe('sd3.5_large_canny.safetensors');
    expect(nearest('eulr', ['euler', 'heun'])).toBe('euler');
    expect(nearest('nothing like it', ['euler'])).toBeUndefined();
  });
});

describe('problems', () => {
  const { graph } = addNode(EMPTY_GRAPH, spec('Load'), { x: 0, y: 0 });

  it('sees unknown nodes itself, and reads errors of a run', () => {
    const strange = { ...graph, nodes: { 1: { ...newNode(spec('Load'), '1', { x: 0, y: 0 }), type: 'Lod' } } };
    expect(problemsOfGraph(strange, TOY, TEXT.problem)).toMatchObject([{ code: 'unknown_node', node: '1', replacement: 'Load' }]);
    expect(problemOfRun({ node_id: '8', exception_message: 'bad shapes\n', exception_type: 'RuntimeError', traceback: ['a\n', 'b\n'] }))
      .toMatchObject({ node: '8', message: 'bad shapes', detail: 'a\nb\n' });
    expect(problemOfWarning('8', 'odd')).toMatchObject({ node: '8', message: 'odd', isWarning: true });
  });
});

describe('socket frames', () => {
  it('reads messages and previews, and ignores what it does not know', () => {
    expect(decodeText('{"type":"progress","data":{"value":2,"max":8,"prompt_id":"p","node":"3"}}').event).toEqual({ type: 'progress', promptId: 'p', node: '3', value: 2, max: 8 });
    expect(decodeText('{"type":"executing","data":{"node":null,"prompt_id":"p"}}').event).toEqual({ type: 'executing', promptId: 'p', node: null });
    expect(decodeText('{"type":"executed","data":{"seq":41}}').seq).toBe(41);
    const warning = '{"type":"execution_warning","data":{"prompt_id":"p","node":"7.0.x","display_node":"7","message":"two keys fit nothing"}}';
    expect(decodeText(warning).event).toEqual({ type: 'execution_warning', promptId: 'p', node: '7', message: 'two keys fit nothing' });
    expect(decodeText('{"type":"later","data":{}}').event).toBeUndefined();
    const frame = new Uint8Array([0, 0, 0, 1, 0, 0, 0, 2, 9, 9, 9]).buffer;
    expect(decodeBinary(frame)).toMatchObject({ type: 'preview', image: { size: 3, type: 'image/png' } });
    expect(decodeBinary(new ArrayBuffer(3))).toBeUndefined();
  });
});
