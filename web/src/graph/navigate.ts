/** Finding one's way over the canvas without a pointer. */
import type { Box } from './align';
import { inputType, outputType, refusal, typesFit, carriedType } from './connect';
import { linkIndex, type Graph } from './model';
import type { Schema } from './schema';
import { specOf } from './virtual';

export type Direction = 'left' | 'right' | 'up' | 'down';

/** One end of a link. */
export interface SocketEnd {
  node: string;
  side: 'in' | 'out';
  /** Input name, or output slot as text. */
  key: string;
}

/** Cards whose upper edges are no further apart stand in one row. */
const ROW_HEIGHT = 90;
/** Sockets offered for a link; nobody steps through more. */
const OFFERED = 60;

type Boxes = readonly (readonly [string, Box])[];

/** Cards row by row from the top, each row from the left. */
export function readingOrder(boxes: Boxes): string[] {
  const sorted = [...boxes].sort(([, a], [, b]) => a.y - b.y);
  const rows: { top: number; cards: (readonly [string, Box])[] }[] = [];
  for (const card of sorted) {
    const row = rows.at(-1);
    if (row && card[1].y - row.top < ROW_HEIGHT) row.cards.push(card);
    else rows.push({ top: card[1].y, cards: [card] });
  }
  return rows.flatMap(({ cards }) => cards.sort(([, a], [, b]) => a.x - b.x).map(([id]) => id));
}

function middle({ x, y, width, height }: Box): { x: number; y: number } {
  return { x: x + width / 2, y: y + height / 2 };
}

/** The nearest card in a direction; one straight ahead is nearer than one aside. */
export function neighbour(boxes: Boxes, from: string, direction: Direction): string | undefined {
  const start = boxes.find(([id]) => id === from)?.[1];
  if (!start) return undefined;
  const at = middle(start);
  const sign = direction === 'left' || direction === 'up' ? -1 : 1;
  const isFlat = direction === 'left' || direction === 'right';
  let best: string | undefined;
  let least = Infinity;
  for (const [id, box] of boxes) {
    const { x, y } = middle(box);
    const ahead = sign * (isFlat ? x - at.x : y - at.y);
    const aside = Math.abs(isFlat ? y - at.y : x - at.x);
    const distance = ahead + 2 * aside;
    if (id !== from && ahead > 0 && distance < least) [best, least] = [id, distance];
  }
  return best;
}

/** The first card a card's links lead to, forwards or back. */
export function alongLinks(graph: Graph, from: string, forwards: boolean): string | undefined {
  const { into, outOf } = linkIndex(graph);
  return forwards ? outOf[from]?.[0]?.target : Object.values(into[from] ?? {})[0]?.source;
}

/** The socket at the other end of a socket's first link. */
export function otherEnd(graph: Graph, { node, side, key }: SocketEnd): SocketEnd | undefined {
  const { into, outOf } = linkIndex(graph);
  if (side === 'in') {
    const link = into[node]?.[key];
    return link && { node: link.source, side: 'out', key: String(link.sourceSlot) };
  }
  const link = outOf[node]?.find(({ sourceSlot }) => sourceSlot === Number(key));
  return link && { node: link.target, side: 'in', key: link.input };
}

function socketsOf(graph: Graph, schema: Schema, id: string, side: 'in' | 'out'): SocketEnd[] {
  const node = graph.nodes[id];
  if (!node) return [];
  const spec = specOf(schema, node);
  const keys = side === 'in' ? (spec?.inputs ?? node.inputs).map(({ name }) => name) : (spec?.outputs ?? node.outputs).map((_, slot) => String(slot));
  return keys.map((key) => ({ node: id, side, key }));
}

/** The two ends as source and target of a link; undefined where both are of one side. */
export function endsOf(a: SocketEnd, b: SocketEnd): { source: string; sourceSlot: number; target: string; input: string } | undefined {
  if (a.side === b.side) return undefined;
  const [out, into] = a.side === 'out' ? [a, b] : [b, a];
  return { source: out.node, sourceSlot: Number(out.key), target: into.node, input: into.key };
}

/** Sockets that a link from `open` may end at, those of the nearest cards first. */
export function fittingSockets(graph: Graph, schema: Schema, boxes: Boxes, open: SocketEnd): SocketEnd[] {
  const start = boxes.find(([id]) => id === open.node)?.[1];
  if (!start) return [];
  const at = middle(start);
  const away = (box: Box): number => Math.hypot(middle(box).x - at.x, middle(box).y - at.y);
  const side = open.side === 'in' ? 'out' : 'in';
  const type = open.side === 'out' ? carriedType(schema, graph, open.node, Number(open.key)) : inputType(schema, graph.nodes[open.node], open.key) ?? '*';
  const found: SocketEnd[] = [];
  for (const [id] of [...boxes].sort(([, a], [, b]) => away(a) - away(b))) {
    for (const end of socketsOf(graph, schema, id, side)) {
      const theirs = side === 'in' ? inputType(schema, graph.nodes[id], end.key) : outputType(schema, graph.nodes[id], Number(end.key));
      const fits = theirs !== undefined && (side === 'in' ? typesFit(type, theirs) : typesFit(theirs, type));
      const ends = endsOf(open, end);
      if (fits && ends && !refusal(graph, schema, ends)) found.push(end);
    }
    if (found.length >= OFFERED) break;
  }
  return found;
}
