/** Finding cards of a document by the words on them, in every subgraph. */
import { openSubgraph } from './levels';
import { isBoundary, type Graph, type GraphNode } from './model';
import type { Schema } from './schema';
import { specOf } from './virtual';

export interface FoundNode {
  /** Its id as runs name it: `5` of `12:5` lies in node 12. */
  path: string;
  node: GraphNode;
  title: string;
  /** The titles of the nodes it lies in, outermost first. */
  within: readonly string[];
  /** The value a word was found in, where its title and type hold it not. */
  excerpt: string;
}

/** Subgraphs within subgraphs beyond this are not looked into. */
const DEEPEST = 12;
/** No more cards are looked at: a few subgraphs, each used many times within another, hold millions. */
const MOST_CARDS = 100_000;
/** Letters of an excerpt on either side of the word. */
const AROUND = 30;

/** The graphs of a document: the root, then what its subgraphs hold. */
function* levelsOf(graph: Graph, schema: Schema, way: readonly string[] = [], titles: readonly string[] = []): Generator<Omit<FoundNode, 'excerpt'>> {
  for (const node of Object.values(graph.nodes)) {
    if (isBoundary(node)) continue;
    const title = node.title || (specOf(schema, node)?.title ?? node.type);
    yield { path: [...way, node.id].join(':'), node, title, within: titles };
    const inner = way.length < DEEPEST ? openSubgraph(graph, node.id) : undefined;
    if (inner) yield* levelsOf(inner, schema, [...way, node.id], [...titles, title]);
  }
}

function scoreOf(text: string, word: string): number {
  if (text.startsWith(word)) return 4;
  return text.split(/[\s_-]+/).some((part) => part.startsWith(word)) ? 3 : Number(text.includes(word)) * 2;
}

function excerptOf(node: GraphNode, word: string): string {
  for (const value of Object.values(node.values)) {
    if (typeof value !== 'string') continue;
    const at = value.toLowerCase().indexOf(word);
    if (at >= 0) return `${at > AROUND ? '…' : ''}${value.slice(Math.max(at - AROUND, 0), at + word.length + AROUND).trim()}`;
  }
  return '';
}

/** How well a card fits, and which of its values shows why; nothing where a word is nowhere on it. */
function fit({ node, title }: Omit<FoundNode, 'excerpt'>, words: readonly string[]): { score: number; excerpt: string } | undefined {
  let [score, excerpt] = [0, ''];
  for (const word of words) {
    const named = node.id === word ? 5 : Math.max(scoreOf(title.toLowerCase(), word), scoreOf(node.type.toLowerCase(), word));
    const shown = named > 0 ? '' : excerptOf(node, word);
    if (named === 0 && shown === '') return undefined;
    score += named;
    excerpt ||= shown;
  }
  return { score, excerpt };
}

/** The cards that have every word of the query in their title, type, number or texts, best first; without words all, as far as {@link MOST_CARDS} go. */
export function findNodes(root: Graph, schema: Schema, query: string): FoundNode[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found: { card: FoundNode; score: number }[] = [];
  let looked = 0;
  for (const card of levelsOf(root, schema)) {
    if (++looked > MOST_CARDS) break;
    const fits = fit(card, words);
    if (fits) found.push({ card: { ...card, excerpt: fits.excerpt }, score: fits.score });
  }
  return found.sort((a, b) => b.score - a.score).map(({ card }) => card);
}
