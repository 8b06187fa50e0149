import './page';
import { describe, expect, it } from 'vitest';
import { duplicateBeside, foldSelection, paintSelection } from '../src/state/arranging';
import { openDocument } from '../src/state/files';
import { getState, setState } from '../src/state/store';
import { TOY } from './material';

describe('cards that stand on one another', () => {
  const nodes = [{ id: 1, type: 'Load', pos: [0, 0] }, { id: 2, type: 'Load', pos: [20, 40] }];
  const places = (): unknown[] => Object.values(getState().graph.nodes).map(({ position }) => position);

  it('stay there in a file that this editor wrote, and make room in others, whose cards were smaller', () => {
    setState({ schema: TOY, schemaState: 'ready' });
    openDocument({ nodes, links: [], extra: { sd35graph: { name: 'own' } } }, 'own');
    const own = places();
    expect(own).toEqual([{ x: 0, y: -30 }, { x: 20, y: 10 }]);
    openDocument({ nodes, links: [] }, 'other');
    expect(places()[0]).toEqual(own[0]);
    expect(places()[1]).not.toEqual(own[1]);
  });
});

describe('a selection whose cards were taken back by undo', () => {
  it('is nothing to edit', () => {
    openDocument({ nodes: [], links: [] }, 'empty');
    setState({ selection: new Set(['7']) });
    for (const edit of [foldSelection, () => duplicateBeside(false), () => paintSelection('#fff')]) edit();
    expect(getState().history.past).toEqual([]);
  });
});
