import { describe, expect, it } from 'vitest';
import { copyNodes, pasteNodes, readClipboard, storedName, withName } from '../src/graph/clipboard';
import { carriedType, connect, disconnect, refusal, typesFit, type Endpoints } from '../src/graph/connect';
import { addNode, moveNodes, removeNodes, setValue, toggleMode } from '../src/graph/edit';
import { MAX_STEPS, NO_HISTORY, redo, remember, undo, type History } from '../src/graph/history';
import { EMPTY_GRAPH, linkIndex, type Graph } from '../src/graph/model';
import type { NodeSpec } from '../src/graph/schema';
import { VIRTUAL_SPECS } from '../src/graph/virtual';
import { TOY } from './material';

/** A graph with one node of each named type, ids 1, 2, 3 … in that order. */
function graphOf(...types: string[]): Graph {
  return types.reduce((graph, type, at) => addNode(graph, specNamed(type), { x: at * 300, y: 0 }).graph, EMPTY_GRAPH);
}

function specNamed(type: string): NodeSpec {
  const spec = TOY[type] ?? VIRTUAL_SPECS[type];
  if (!spec) throw new Error(`no toy type ${type}`);
  return spec;
}

const ends = (source: string, sourceSlot: number, target: string, input: string): Endpoints => ({ source, sourceSlot, target, input });

describe('connecting', () => {
  const graph = graphOf('Load', 'Patch', 'Patch', 'Sample');

  it('links sockets of one type', () => {
    const linked = connect(graph, TOY, ends('1', 0, '2', 'model'));
    expect(Object.values(linked.links)).toMatchObject([{ source: '1', target: '2', input: 'model', type: 'MODEL' }]);
  });

  it('refuses another type, itself and unknown sockets, and leaves the graph as it was', () => {
    expect(refusal(graph, TOY, ends('1', 1, '2', 'model'))).toBe('wrong_type');
    expect(refusal(graph, TOY, ends('2', 0, '2', 'model'))).toBe('same_node');
    expect(refusal(graph, TOY, ends('1', 0, '2', 'nothing'))).toBe('no_such_socket');
    expect(connect(graph, TOY, ends('1', 1, '2', 'model'))).toBe(graph);
  });

  it('refuses a circle over any distance', () => {
    const linked = connect(graph, TOY, ends('2', 0, '3', 'model'));
    expect(refusal(linked, TOY, ends('3', 0, '2', 'model'))).toBe('cycle');
  });

  it('replaces what fed the input before', () => {
    const first = connect(graph, TOY, ends('1', 0, '4', 'model'));
    const second = connect(first, TOY, ends('2', 0, '4', 'model'));
    expect(Object.values(second.links).map((link) => link.source)).toEqual(['2']);
  });

  it('lets a number feed a widget of its kind only', () => {
    expect(typesFit('INT', 'FLOAT')).toBe(true);
    expect(typesFit('FLOAT', 'INT')).toBe(false);
    expect(typesFit('IMAGE', 'MASK,IMAGE')).toBe(true);
  });

  it('knows what a reroute carries', () => {
    const routed = connect(graphOf('Load', 'Reroute', 'Patch'), TOY, ends('1', 1, '2', ''));
    expect(carriedType(TOY, routed, '2', 0)).toBe('CLIP');
    expect(refusal(routed, TOY, ends('2', 0, '3', 'model'))).toBe('wrong_type');
  });
});

describe('editing', () => {
  const graph = connect(graphOf('Load', 'Patch'), TOY, ends('1', 0, '2', 'model'));

  it('removes a node with its links', () => {
    const rest = removeNodes(graph, new Set(['1']));
    expect(Object.keys(rest.nodes)).toEqual(['2']);
    expect(rest.links).toEqual({});
  });

  it('gives new ids, also after removing', () => {
    const again = addNode(removeNodes(graph, new Set(['2'])), specNamed('Patch'), { x: 0, y: 0 });
    expect(again.id).toBe('3');
  });

  it('shares what did not change', () => {
    const changed = setValue(graph, '2', 'amount', 1.5);
    expect(changed.nodes['1']).toBe(graph.nodes['1']);
    expect(changed.links).toBe(graph.links);
    expect(setValue(graph, '2', 'amount', 1)).toBe(graph);
    expect(graph.nodes['2']?.values['amount']).toBe(1);
  });

  it('mutes together and wakes together', () => {
    const muted = toggleMode(graph, new Set(['1', '2']), 'muted');
    expect(Object.values(muted.nodes).map((node) => node.mode)).toEqual(['muted', 'muted']);
    expect(Object.values(toggleMode(muted, new Set(['1', '2']), 'muted').nodes).map((node) => node.mode)).toEqual(['always', 'always']);
  });

  it('disconnects', () => {
    expect(disconnect(graph, Object.keys(graph.links)).links).toEqual({});
    expect(linkIndex(graph).into['2']).toHaveProperty('model');
  });

  it('moves', () => {
    expect(moveNodes(graph, { 2: { x: 5, y: 6 } }).nodes['2']?.position).toEqual({ x: 5, y: 6 });
  });
});

describe('history', () => {
  it('goes back and forth, and a new change ends what could be redone', () => {
    let history: History<string> = remember(NO_HISTORY, 'a');
    const back = undo(history, 'b');
    expect(back?.present).toBe('a');
    expect(redo(back?.history ?? NO_HISTORY, 'a')?.present).toBe('b');
    history = remember(back?.history ?? NO_HISTORY, 'a');
    expect(redo(history, 'c')).toBeUndefined();
  });

  it('has a beginning and a limit', () => {
    expect(undo(NO_HISTORY, 'a')).toBeUndefined();
    let history: History<number> = NO_HISTORY;
    for (let step = 0; step < MAX_STEPS + 5; step++) history = remember(history, step);
    expect(history.past).toHaveLength(MAX_STEPS);
    expect(history.past[0]).toBe(5);
  });
});

describe('copy and paste', () => {
  it('brings the chosen nodes back under new ids, with the links between them', () => {
    const graph = connect(connect(graphOf('Load', 'Patch', 'Patch'), TOY, ends('1', 0, '2', 'model')), TOY, ends('2', 0, '3', 'model'));
    const copied = readClipboard(copyNodes(setValue(graph, '3', 'amount', 0.25), TOY, new Set(['2', '3'])), TOY);
    expect(copied).toBeDefined();
    const { graph: pasted, ids } = pasteNodes(graph, copied ?? EMPTY_GRAPH, { x: 1000, y: 1000 });
    expect([...ids]).toEqual(['4', '5']);
    expect(pasted.nodes['5']?.values['amount']).toBe(0.25);
    expect(Object.values(pasted.links).slice(2)).toMatchObject([{ source: '4', target: '5', input: 'model' }]);
    expect(Object.values(pasted.nodes).slice(3).every((node) => node.position.x > 700)).toBe(true);
  });

  it('is not confused by other text', () => {
    expect(readClipboard('hello', TOY)).toBeUndefined();
    expect(readClipboard('{"a": 1', TOY)).toBeUndefined();
    expect(readClipboard('{"a": 1}', TOY)).toBeUndefined();
  });

  it('keeps the name in the document', () => {
    expect(storedName(withName(EMPTY_GRAPH, 'Fox'))).toBe('Fox');
    expect(storedName(EMPTY_GRAPH)).toBe('');
  });
});
