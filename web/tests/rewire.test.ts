import { describe, expect, it } from 'vitest';
import { align, boxOf, distribute, snapped } from '../src/graph/align';
import { connect } from '../src/graph/connect';
import { boundsOf, curveBetween, distanceTo, pathOf, pointOn } from '../src/graph/curve';
import { addNode, updateNode } from '../src/graph/edit';
import { isInside, lassoed } from '../src/graph/lasso';
import { colorOf, depthOf, isPinned, paint, restack, togglePinned } from '../src/graph/look';
import { EMPTY_GRAPH, type Graph } from '../src/graph/model';
import { addReroute, insertInLink, linkUnder, replaceNode } from '../src/graph/rewire';
import type { NodeSpec } from '../src/graph/schema';
import { VIRTUAL_SPECS } from '../src/graph/virtual';
import { TOY } from './material';

function spec(type: string): NodeSpec {
  const found = TOY[type] ?? VIRTUAL_SPECS[type];
  if (!found) throw new Error(`no toy type ${type}`);
  return found;
}

/** A graph with one node of each named type, ids 1, 2, 3 … in that order, 600 apart. */
function graphOf(...types: string[]): Graph {
  return types.reduce((graph, type, at) => addNode(graph, spec(type), { x: at * 600, y: 0 }).graph, EMPTY_GRAPH);
}

function node(graph: Graph, id: string) {
  const found = graph.nodes[id];
  if (!found) throw new Error(`no node ${id}`);
  return found;
}

const flow = (graph: Graph): string[] =>
  Object.values(graph.links).map((link) => `${link.source}.${link.sourceSlot} > ${link.target}.${link.input}`).sort();

const loaded = connect(graphOf('Load', 'Sample', 'Patch'), TOY, { source: '1', sourceSlot: 0, target: '2', input: 'model' });

describe('a node put into a link', () => {
  it('takes what flowed and passes it on', () => {
    expect(flow(insertInLink(loaded, TOY, '1', '3'))).toEqual(['1.0 > 3.model', '3.0 > 2.model']);
  });

  it('leaves the graph as it was where it does not fit', () => {
    const { graph, id } = addNode(loaded, spec('Text'), { x: 0, y: 0 });
    expect(insertInLink(graph, TOY, '1', id)).toBe(graph);
    expect(insertInLink(graph, TOY, '1', '1')).toBe(graph);
    expect(insertInLink(graph, TOY, 'none', '3')).toBe(graph);
  });

  it('is found under a card that is dropped on it, unless the card has links', () => {
    const on = updateNode(loaded, '3', { position: { x: 320, y: 0 } });
    expect(linkUnder(on, TOY, '3')?.id).toBe('1');
    expect(linkUnder(loaded, TOY, '3')).toBeUndefined();
    expect(linkUnder(insertInLink(on, TOY, '1', '3'), TOY, '3')).toBeUndefined();
  });

  it('may be a reroute', () => {
    const added = addReroute(loaded, TOY, '1', { x: 400, y: 50 });
    expect(added && flow(added.graph)).toEqual(['1.0 > 4.', '4.0 > 2.model']);
    expect(addReroute(loaded, TOY, 'none', { x: 0, y: 0 })).toBeUndefined();
  });
});

describe('a node exchanged for another type', () => {
  it('keeps place, title, values of the same name and links that fit', () => {
    let graph = graphOf('Load', 'Patch', 'Sample');
    graph = connect(graph, TOY, { source: '1', sourceSlot: 0, target: '2', input: 'model' });
    graph = connect(graph, TOY, { source: '2', sourceSlot: 0, target: '3', input: 'model' });
    graph = updateNode(graph, '2', { title: 'mine', values: { amount: 1.5 } });
    const other: NodeSpec = { ...spec('Patch'), type: 'Other', title: 'Other' };
    const schema = { ...TOY, Other: other };
    const replaced = replaceNode(graph, schema, '2', other);
    expect(replaced.nodes['2']).toMatchObject({ type: 'Other', title: 'mine', position: { x: 600, y: 0 }, values: { amount: 1.5 } });
    expect(flow(replaced)).toEqual(['1.0 > 2.model', '2.0 > 3.model']);
  });

  it('drops links that fit nowhere, and is no change for the same type', () => {
    expect(flow(replaceNode(loaded, TOY, '1', spec('Show')))).toEqual([]);
    expect(flow(replaceNode(loaded, TOY, '2', spec('Patch')))).toEqual(['1.0 > 2.model']);
    expect(replaceNode(loaded, TOY, '1', spec('Load'))).toBe(loaded);
    expect(replaceNode(loaded, TOY, 'none', spec('Load'))).toBe(loaded);
  });
});

describe('lining up', () => {
  const graph = [[0, 0], [50, 500], [700, 1100]].reduce(
    (next, [x = 0, y = 0], at) => updateNode(next, String(at + 1), { position: { x, y } }), graphOf('Patch', 'Patch', 'Patch'));
  const all = ['1', '2', '3'];

  it('aligns by each edge and middle', () => {
    const width = boxOf(graph, TOY, '1')?.width ?? 0;
    const x = (edge: 'left' | 'centre' | 'right') => all.map((id) => node(align(graph, TOY, all, edge), id).position.x);
    expect(x('left')).toEqual([0, 0, 0]);
    expect(x('right')).toEqual([700, 700, 700]);
    expect(x('centre')).toEqual([350, 350, 350]);
    expect(width).toBeGreaterThan(100);
    for (const edge of ['top', 'middle', 'bottom'] as const) {
      const ys = all.map((id) => node(align(graph, TOY, all, edge), id).position.y);
      expect(new Set(ys).size).toBe(1);
    }
    expect(align(graph, TOY, ['1'], 'left')).toBe(graph);
  });

  it('distributes with equal gaps and keeps the ends', () => {
    expect(node(distribute(graph, TOY, all, 'y'), '2').position).toEqual({ x: 50, y: 550 });
    expect(node(distribute(graph, TOY, all, 'x'), '2').position).toEqual({ x: 350, y: 500 });
    expect(distribute(graph, TOY, ['1', '2'], 'x')).toBe(graph);
  });

  it('snaps to the grid', () => expect(snapped({ x: 11, y: 37 })).toEqual({ x: 0, y: 48 }));
});

describe('a lasso', () => {
  const around = [{ x: 0, y: 0 }, { x: 100, y: 0 }, { x: 100, y: 100 }, { x: 50, y: 20 }, { x: 0, y: 100 }];

  it('knows inside from outside, also where it bends in', () => {
    expect(isInside({ x: 10, y: 50 }, around)).toBe(true);
    expect(isInside({ x: 50, y: 60 }, around)).toBe(false);
    expect(isInside({ x: 150, y: 10 }, around)).toBe(false);
    expect(isInside({ x: 0, y: 0 }, [])).toBe(false);
  });

  it('catches cards by their middle', () => {
    const boxes = [['a', { x: 0, y: 30, width: 20, height: 40 }], ['b', { x: 40, y: 50, width: 20, height: 20 }]] as const;
    expect([...lassoed(boxes, around)]).toEqual(['a']);
  });
});

describe('the look of cards', () => {
  it('is painted, pinned and restacked, and kept in the file', () => {
    const ids = new Set(['1', '2']);
    const painted = paint(loaded, ids, '#123456');
    expect(colorOf(node(painted, '1'))).toBe('#123456');
    expect(colorOf(node(paint(painted, ids, ''), '1'))).toBe('');
    const pinned = togglePinned(painted, ids);
    expect(isPinned(node(pinned, '2'))).toBe(true);
    expect(isPinned(node(togglePinned(pinned, new Set(['1', '3'])), '3'))).toBe(true);
    expect(isPinned(node(togglePinned(pinned, ids), '1'))).toBe(false);
    const front = restack(pinned, ['1'], 'front');
    expect(depthOf(node(restack(front, ['2'], 'front'), '2'))).toBe(2);
    expect(depthOf(node(restack(front, ['2'], 'back'), '2'))).toBe(-1);
  });
});

describe('the curve of a link', () => {
  it('is written as an SVG path that leaves and arrives level', () => {
    expect(pathOf(curveBetween({ x: 10, y: 20 }, { x: 110, y: 70 }))).toBe('M10,20 C60,20 60,70 110,70');
  });

  it('begins and ends at its sockets and stays within its bounds', () => {
    for (const to of [{ x: 300, y: 100 }, { x: -200, y: -50 }]) {
      const curve = curveBetween({ x: 0, y: 0 }, to);
      expect(pointOn(curve, 0)).toEqual({ x: 0, y: 0 });
      expect(pointOn(curve, 1)).toEqual(to);
      expect(distanceTo(curve, to)).toBeCloseTo(0);
      const { x, y, width, height } = boundsOf(curve);
      for (let t = 0; t <= 1; t += 0.05) {
        const point = pointOn(curve, t);
        expect(point.x).toBeGreaterThanOrEqual(x - 1e-9);
        expect(point.x).toBeLessThanOrEqual(x + width + 1e-9);
        expect(point.y).toBeGreaterThanOrEqual(y - 1e-9);
        expect(point.y).toBeLessThanOrEqual(y + height + 1e-9);
      }
    }
  });
});
