/** Choosing from a long list by typing. */

/** Cheapest first: the whole name begins so, the name behind the folder does, a word does, it is anywhere in it. */
function rank(option: string, word: string): number {
  const name = option.slice(option.lastIndexOf('/') + 1);
  if (option.startsWith(word) || name.startsWith(word)) return 0;
  if (option.split(/[\s/_.-]+/).some((part) => part.startsWith(word))) return 1;
  return option.includes(word) ? 2 : Infinity;
}

/** The options with every word of what was typed, best first; all in their order while nothing was typed. */
export function matchChoices(options: readonly string[], typed: string): readonly string[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return options;
  const ranked = options.map((option) => ({ option, total: words.reduce((sum, word) => sum + rank(option.toLowerCase(), word), 0) }));
  return ranked.filter(({ total }) => total < Infinity).sort((a, b) => a.total - b.total).map(({ option }) => option);
}

/** Where the keys lead in a list of so many options, from one of them; undefined for other keys. */
export function stepChoice(key: string, at: number, count: number): number | undefined {
  const steps: Readonly<Record<string, number>> = { ArrowDown: at + 1, ArrowUp: at < 0 ? count - 1 : at - 1, PageDown: at + 8, PageUp: at - 8, Home: 0, End: count - 1 };
  const to = steps[key];
  return to === undefined ? undefined : Math.min(Math.max(to, 0), count - 1);
}
