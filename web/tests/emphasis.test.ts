import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emphasize } from '../src/graph/emphasis';

/** `|` marks the cursor, or both ends of the selection. */
function marked(text: string) {
  const start = text.indexOf('|');
  const rest = text.replace('|', '');
  const end = rest.indexOf('|');
  return { text: rest.replace('|', ''), start, end: end < 0 ? start : end };
}

function shown({ text, start, end }: ReturnType<typeof marked>): string {
  return `${text.slice(0, start)}|${text.slice(start, end)}|${text.slice(end)}`;
}

describe('emphasis', () => {
  it.each([
    ['a r|ed fox', 5, 'a (|red|:1.05) fox'],
    ['a |red fox|', 5, 'a (|red fox|:1.05)'],
    ['a (|red|:1.05) fox', 5, 'a (|red|:1.1) fox'],
    ['a (|red|:1.05) fox', -5, 'a |red| fox'],
    ['a |(red:1.05)| fox', 5, 'a (|red|:1.1) fox'],
    ['a (|red|:1) fox', -5, 'a (|red|:0.95) fox'],
    ['a red| fox', -10, 'a (|red|:0.9) fox'],
    ['(a (r|ed:1.2) fox:1.1)', 5, '(a (|red|:1.25) fox:1.1)'],
    ['(a re|d fox:1.1)', 5, '(|a red fox|:1.15)'],
    ['(a |red| fox:1.1)', 5, '(a (|red|:1.05) fox:1.1)'],
    ['(a (|red|:1.05) fox:1.1)', -5, '(a |red| fox:1.1)'],
    ['\\(a r|ed:2\\)', 5, '\\(a (|red|:1.05):2\\)'],
    ['a | red |fox', 5, 'a  (|red|:1.05) fox'],
    ['', 5, '||'],
  ])('%s by %i becomes %s', (before, by, after) => {
    const given = before === '' ? { text: '', start: 0, end: 0 } : marked(before);
    expect(shown(emphasize(given, by))).toBe(after);
  });

  it('is taken back by its opposite', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,6}$/), { minLength: 1, maxLength: 5 }).map((list) => list.join(' '));
    fc.assert(fc.property(words, fc.nat(20), fc.integer({ min: 1, max: 10 }), (text, at, steps) => {
      const start = Math.min(at, text.length);
      let now = { text, start, end: start };
      for (let i = 0; i < steps; i++) now = emphasize(now, 5);
      for (let i = 0; i < steps; i++) now = emphasize(now, -5);
      expect(now.text).toBe(text);
    }));
  });
});
