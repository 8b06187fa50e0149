/** Finding things by words typed into the palette. */

function score(text: string, word: string): number {
  if (text.startsWith(word)) return 4;
  if (text.split(/[\s_-]+/).some((part) => part.startsWith(word))) return 3;
  return text.includes(word) ? 2 : 0;
}

/** How well a name fits what was typed; 0 where a word is not in it. */
export function fitOf(name: string, query: string): number {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const scores = words.map((word) => score(name.toLowerCase(), word));
  return scores.includes(0) ? 0 : scores.reduce((sum, value) => sum + value, 1);
}

/** What fits, best first; all of it for an empty query. */
export function findByName<T>(things: readonly T[], query: string, nameOf: (thing: T) => string): T[] {
  const found = things.map((thing) => ({ thing, fit: fitOf(nameOf(thing), query) })).filter(({ fit }) => fit > 0);
  return found.sort((a, b) => b.fit - a.fit).map(({ thing }) => thing);
}
