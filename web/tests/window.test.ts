import { describe, expect, it, vi } from 'vitest';
import type { ServerEvent } from '../src/api/wire';
import type { Box } from '../src/graph/align';
import { cardAt, chooseCards, CROWD, grown, meets } from '../src/graph/window';
import { gatherProgress } from '../src/state/batch';

const NONE: ReadonlySet<string> = new Set();

/** Cards of 100 × 100 in a row, 200 apart. */
function row(count: number): [string, Box][] {
  return Array.from({ length: count }, (_, at) => [String(at), { x: at * 200, y: 0, width: 100, height: 100 }]);
}

describe('the cards drawn as elements', () => {
  const view = { x: 0, y: -100, width: 1000, height: 400 };

  it('are those in sight and a few beside it', () => {
    const { ids, more, crowded } = chooseCards(row(100), view, NONE, NONE, Infinity);
    expect([...ids]).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    expect({ more, crowded }).toEqual({ more: false, crowded: false });
  });

  it('grow by so many at once, those in sight first', () => {
    const first = chooseCards(row(100), view, NONE, NONE, 3);
    expect([...first.ids]).toEqual(['0', '1', '2']);
    expect(first.more).toBe(true);
    expect(chooseCards(row(100), view, first.ids, NONE, 3).ids.size).toBe(6);
  });

  it('stay for a while beyond the view, and go when they are far or no more', () => {
    const now = new Set(['8', '30', 'gone']);
    const { ids } = chooseCards(row(100), view, now, NONE, 0);
    expect([...ids]).toEqual(['8']);
  });

  it('are only the needed ones in a crowd', () => {
    const all = { x: 0, y: 0, width: 1e6, height: 100 };
    const { ids, crowded } = chooseCards(row(CROWD + 1), all, new Set(['1', '2']), new Set(['2', '7', 'gone']), Infinity);
    expect(crowded).toBe(true);
    expect([...ids]).toEqual(['2', '7']);
  });

  it('are found by areas', () => {
    expect(meets(view, { x: 1000, y: 0, width: 5, height: 5 })).toBe(false);
    expect(grown({ x: 0, y: 0, width: 10, height: 20 }, 0.5)).toEqual({ x: -5, y: -10, width: 20, height: 40 });
    expect(cardAt(row(5), 450, 50)).toBe('2');
    expect(cardAt(row(5), 150, 50)).toBeUndefined();
  });
});

describe('progress that comes fast', () => {
  const step = (node: string, value: number): ServerEvent => ({ type: 'progress', promptId: 'p', node, value, max: 9 });

  it('is handed on together, the last step of each node, and before any other event', () => {
    vi.useFakeTimers();
    const told: unknown[] = [];
    const take = gatherProgress({
      onProgress: (steps) => told.push(steps.map((event) => `${event.node}:${event.value}`)),
      onEvent: (event) => told.push(event.type),
    });
    [step('1', 1), step('2', 1), step('1', 2)].forEach(take);
    expect(told).toEqual([]);
    vi.runAllTimers();
    take(step('1', 3));
    take({ type: 'executing', promptId: 'p', node: null });
    vi.runAllTimers();
    expect(told).toEqual([['2:1', '1:2'], ['1:3'], 'executing']);
    vi.useRealTimers();
  });
});
