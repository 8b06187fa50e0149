/** Searching node types. */
import { fittingInput, fittingOutput } from './connect';
import { PLACEABLE_VIRTUAL, VIRTUAL_SPECS } from './virtual';
import type { NodeSpec, Schema } from './schema';

/** The open end of a link that a new node should fit. */
export interface OpenEnd {
  type: string;
  /** Whether the new node receives the value (`in`) or provides it (`out`). */
  needs: 'in' | 'out';
}

function score(spec: NodeSpec, word: string): number {
  const title = spec.title.toLowerCase();
  const type = spec.type.toLowerCase();
  if (title.startsWith(word) || type.startsWith(word)) return 4;
  if (title.split(' ').some((part) => part.startsWith(word))) return 3;
  if (title.includes(word) || type.includes(word)) return 2;
  // Guides in English name nodes as the server does, whatever the language of the editor.
  return [spec.serverTitle, spec.categoryTitle, spec.category].some((name) => name.toLowerCase().includes(word)) ? 1 : 0;
}

function fits(spec: NodeSpec, end: OpenEnd | undefined): boolean {
  if (!end) return true;
  return (end.needs === 'in' ? fittingInput(spec, end.type) : fittingOutput(spec, end.type)) !== undefined;
}

/** Node types a user can place, the server's and the editor's own. */
export function placeable(schema: Schema): NodeSpec[] {
  const own = PLACEABLE_VIRTUAL.flatMap((type) => schema[type] ?? VIRTUAL_SPECS[type] ?? []);
  return [...Object.values(schema).filter((spec) => !spec.isVirtual), ...own];
}

/** Node types that match every word of the query and fit the open end, best first. */
export function searchSpecs(schema: Schema, query: string, end?: OpenEnd): NodeSpec[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found = placeable(schema).flatMap((spec) => {
    if (!fits(spec, end)) return [];
    const scores = words.map((word) => score(spec, word));
    if (scores.includes(0)) return [];
    return [{ spec, total: scores.reduce((sum, value) => sum + value, 0) }];
  });
  return found
    .sort((a, b) => b.total - a.total || a.spec.title.length - b.spec.title.length || a.spec.title.localeCompare(b.spec.title))
    .map(({ spec }) => spec);
}

/** Orders categories by name; those that begin with an underscore, which are not for daily use, come last. */
function compareCategories(a: Category, b: Category): number {
  return Number(a.category.startsWith('_')) - Number(b.category.startsWith('_')) || a.title.localeCompare(b.title);
}

/** Node types of one category, under its name in the user's words. */
export interface Category {
  category: string;
  title: string;
  specs: NodeSpec[];
}

/** Categories with their node types, both in alphabetical order. */
export function byCategory(specs: readonly NodeSpec[]): Category[] {
  const groups: Record<string, Category> = {};
  for (const spec of specs) (groups[spec.category] ??= { category: spec.category, title: spec.categoryTitle, specs: [] }).specs.push(spec);
  for (const { specs: list } of Object.values(groups)) list.sort((a, b) => a.title.localeCompare(b.title));
  return Object.values(groups).sort(compareCategories);
}

/** Number of single-character edits between two strings (Levenshtein 1966). */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function wordsOf(name: string): string[] {
  return name.toLowerCase().replace(/\.\w+$/, '').split(/[^a-z0-9]+/).filter(Boolean);
}

/** How unlike two names are: one that only adds or leaves out whole words is near, else letter by letter. */
function unlikeness(given: string, choice: string): number {
  const [a, b] = [wordsOf(given), wordsOf(choice)];
  const [few, many] = a.length <= b.length ? [a, b] : [b, a];
  if (few.length > 1 && few.every((word) => many.includes(word))) return 1;
  return editDistance(a.join(' '), b.join(' '));
}

/** The choice most like what was given, if any is near. */
export function nearest(given: string, choices: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.ceil(wordsOf(given).join(' ').length * 0.35)) + 1;
  for (const choice of choices) {
    const distance = unlikeness(given, choice);
    if (distance < least) [best, least] = [choice, distance];
  }
  return best;
}
