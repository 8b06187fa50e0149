import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import './page';
import type { Box } from '../src/graph/align';
import { miniature } from '../src/graph/miniature';
import { EMPTY_GRAPH } from '../src/graph/model';
import { parseWorkflow } from '../src/graph/parseApi';
import { readSchema } from '../src/graph/schema';
import { PICTURED } from '../src/state/templates';

const SERVER = readSchema({
  Load: { input: { required: { name: ['STRING', {}], strength: ['FLOAT', {}] } }, output: ['MODEL'], category: 'loaders' },
  Save: { input: { required: { images: ['IMAGE'], model: ['MODEL'] } }, output: [], output_node: true, category: 'image' },
});
const SIZE = { width: 320, height: 200 };
const { graph } = parseWorkflow({ 1: { class_type: 'Load', inputs: { name: 'a', strength: 1 } }, 2: { class_type: 'Save', inputs: { model: ['1', 0] } } }, SERVER);

const isWithin = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width + 1e-6 && inner.y + inner.height <= outer.y + outer.height + 1e-6;

describe('the small drawing of a graph', () => {
  const { cards, links } = miniature(graph, SERVER, SIZE);

  it('holds every card within the picture, and what is in a card within it', () => {
    expect(cards.map(({ id, category }) => [id, category])).toEqual([['1', 'loaders'], ['2', 'image']]);
    for (const card of cards) {
      expect(isWithin(card, { x: 0, y: 0, ...SIZE })).toBe(true);
      for (const part of [...card.fields, ...(card.picture ? [card.picture] : [])]) expect(isWithin(part, card)).toBe(true);
    }
    expect(cards[0]?.fields).toHaveLength(2);
    expect([cards[0]?.picture, cards[1]?.picture !== null]).toEqual([null, true]);
  });

  it('draws a link from the right edge of a card to the left edge of another', () => {
    const [from, to] = cards;
    const [link] = links;
    expect([link?.type, links.length]).toEqual(['MODEL', 1]);
    expect(link?.from.x).toBeCloseTo((from?.x ?? 0) + (from?.width ?? 0));
    expect(link?.to.x).toBeCloseTo(to?.x ?? 0);
  });

  it('shows folded cards without what is in them, and nothing of an empty graph', () => {
    const folded = { ...graph, nodes: Object.fromEntries(Object.entries(graph.nodes).map(([id, node]) => [id, { ...node, collapsed: true }])) };
    expect(miniature(folded, SERVER, SIZE).cards.map(({ fields, picture }) => [fields.length, picture])).toEqual([[0, null], [0, null]]);
    expect(miniature(EMPTY_GRAPH, SERVER, SIZE)).toEqual({ cards: [], links: [] });
  });
});

describe('templates', () => {
  it('have a picture of what they make where the page expects one', () => {
    expect(readdirSync(join(import.meta.dirname, '..', 'public', 'templates')).map((file) => file.replace('.webp', ''))).toEqual([...PICTURED]);
  });
});
