import { describe, expect, it } from 'vitest';
import type { Box } from '../src/graph/align';
import { connect } from '../src/graph/connect';
import { duplicate } from '../src/graph/duplicate';
import { addNode, moveNodes } from '../src/graph/edit';
import { changeGroup, contentsOf, fitGroup, groupAround, moveGroup, removeGroup } from '../src/graph/groups';
import { togglePinned } from '../src/graph/look';
import { EMPTY_GRAPH, type Graph } from '../src/graph/model';
import { alongLinks, endsOf, fittingSockets, neighbour, otherEnd, readingOrder } from '../src/graph/navigate';
import { VIRTUAL_SPECS } from '../src/graph/virtual';
import { TOY } from './material';

/** Nodes of these types, ids 1, 2, 3 … in that order, 600 apart. */
function graphOf(...types: string[]): Graph {
  return types.reduce((graph, type, at) => {
    const spec = TOY[type] ?? VIRTUAL_SPECS[type];
    if (!spec) throw new Error(`no toy type ${type}`);
    return addNode(graph, spec, { x: at * 600, y: 0 }).graph;
  }, EMPTY_GRAPH);
}

const at = (x: number, y: number): Box => ({ x, y, width: 100, height: 60 });
const loaded = connect(graphOf('Load', 'Patch', 'Sample', 'Text'), TOY, { source: '1', sourceSlot: 0, target: '2', input: 'model' });

describe('finding one\'s way', () => {
  const boxes: [string, Box][] = [['low', at(0, 500)], ['right', at(400, 20)], ['left', at(0, 0)], ['far', at(900, 300)]];

  it('reads row by row', () => expect(readingOrder(boxes)).toEqual(['left', 'right', 'far', 'low']));

  it('goes to the neighbour straight ahead', () => {
    expect(neighbour(boxes, 'left', 'right')).toBe('right');
    expect(neighbour(boxes, 'left', 'down')).toBe('low');
    expect(neighbour(boxes, 'low', 'up')).toBe('left');
    expect(neighbour(boxes, 'left', 'left')).toBeUndefined();
    expect(neighbour(boxes, 'gone', 'left')).toBeUndefined();
  });

  it('follows links and sockets', () => {
    expect(alongLinks(loaded, '1', true)).toBe('2');
    expect(alongLinks(loaded, '2', false)).toBe('1');
    expect(alongLinks(loaded, '2', true)).toBeUndefined();
    expect(otherEnd(loaded, { node: '1', side: 'out', key: '0' })).toEqual({ node: '2', side: 'in', key: 'model' });
    expect(otherEnd(loaded, { node: '2', side: 'in', key: 'model' })).toEqual({ node: '1', side: 'out', key: '0' });
    expect(otherEnd(loaded, { node: '2', side: 'in', key: 'amount' })).toBeUndefined();
  });
});

describe('sockets that fit', () => {
  const boxes = Object.values(loaded.nodes).map(({ id, position }): [string, Box] => [id, { ...position, width: 200, height: 100 }]);

  it('are those a link may end at, the nearest first', () => {
    const fitting = fittingSockets(loaded, TOY, boxes, { node: '1', side: 'out', key: '0' });
    expect(fitting.map(({ node, key }) => `${node}.${key}`)).toEqual(['2.model', '3.model']);
    const back = fittingSockets(loaded, TOY, boxes, { node: '3', side: 'in', key: 'positive' });
    expect(back).toEqual([{ node: '4', side: 'out', key: '0' }]);
  });

  it('make the ends of a link in either order', () => {
    const ends = { source: '1', sourceSlot: 0, target: '3', input: 'model' };
    const [out, into] = [{ node: '1', side: 'out', key: '0' }, { node: '3', side: 'in', key: 'model' }] as const;
    expect(endsOf(out, into)).toEqual(ends);
    expect(endsOf(into, out)).toEqual(ends);
    expect(endsOf(out, out)).toBeUndefined();
  });
});

describe('copies', () => {
  it('are linked among each other, and on request fed from outside', () => {
    const both = duplicate(loaded, TOY, new Set(['1', '2']), false);
    expect(both.ids.size).toBe(2);
    expect(Object.keys(both.graph.links)).toHaveLength(2);
    const fed = duplicate(loaded, TOY, new Set(['2']), true);
    const [copy] = fed.ids;
    expect(Object.values(fed.graph.links).map(({ source, target }) => `${source}>${target}`)).toEqual(['1>2', `1>${copy ?? ''}`]);
  });
});

describe('groups', () => {
  const grouped = groupAround(loaded, TOY, ['1', '2'], 'Two');

  it('stand around their cards and hold them', () => {
    expect(contentsOf(grouped, TOY, 0)).toEqual(['1', '2']);
    expect(contentsOf(grouped, TOY, 5)).toEqual([]);
    expect(groupAround(loaded, TOY, [], 'none')).toBe(loaded);
  });

  it('take their cards along, but not pinned ones', () => {
    const pinned = togglePinned(grouped, new Set(['2']));
    const { x = 0, y = 0 } = grouped.groups[0]?.position ?? {};
    const moved = moveGroup(pinned, 0, { x: x + 10, y: y - 5 }, contentsOf(pinned, TOY, 0));
    expect(moved.nodes['1']?.position).toEqual({ x: 10, y: -5 });
    expect(moved.nodes['2']?.position).toEqual({ x: 600, y: 0 });
    expect(moveGroup(pinned, 7, { x: 0, y: 0 }, [])).toBe(pinned);
  });

  it('are changed, fitted and removed', () => {
    expect(changeGroup(grouped, 0, { title: 'New' }).groups[0]?.title).toBe('New');
    const wide = moveNodes(changeGroup(grouped, 0, { size: { width: 5000, height: 2000 } }), { 1: { x: 300, y: 200 } });
    expect(fitGroup(wide, TOY, 0).groups[0]?.position).not.toEqual(wide.groups[0]?.position);
    expect(fitGroup(wide, TOY, 3)).toBe(wide);
    expect(removeGroup(grouped, 0).groups).toEqual([]);
  });
});
