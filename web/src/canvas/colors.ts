/** Colours of socket types and of categories, as style sheet values. */

const NAMED = new Set(['MODEL', 'CLIP', 'VAE', 'CONDITIONING', 'LATENT', 'IMAGE', 'MASK']);
const NUMBERS = new Set(['INT', 'FLOAT', 'STRING', 'BOOLEAN', 'COMBO', 'NUMBER']);

function hueOf(name: string): number {
  let hash = 7;
  for (const letter of name) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 3600;
  return Math.round(hash / 10);
}

/** Colour of a type; unknown types get a stable one from their name. */
export function typeColor(type: string): string {
  if (NAMED.has(type)) return `var(--type-${type.toLowerCase()})`;
  if (NUMBERS.has(type)) return 'var(--type-number)';
  if (type === '*') return 'var(--muted)';
  return `hsl(${hueOf(type)} 55% var(--type-light))`;
}

const CATEGORIES: readonly (readonly [string, string])[] = [
  ['loaders', 'MODEL'], ['conditioning', 'CONDITIONING'], ['latent', 'LATENT'], ['sampling', 'SAMPLING'],
  ['image', 'IMAGE'], ['mask', 'MASK'], ['model', 'MODEL'], ['vae', 'VAE'], ['utils', 'INT'],
];

/** Colour of a card's stripe, from its category. */
export function categoryColor(category: string): string {
  const found = CATEGORIES.find(([part]) => category.includes(part));
  if (found?.[1] === 'SAMPLING') return 'var(--accent)';
  return typeColor(found?.[1] ?? category);
}

/** Shape of a socket, so that colour is not the only sign: round for values of a model, square for plain data. */
export function socketShape(type: string): 'round' | 'square' | 'diamond' {
  if (NUMBERS.has(type)) return 'diamond';
  return type === 'IMAGE' || type === 'MASK' || type === 'LATENT' ? 'square' : 'round';
}
