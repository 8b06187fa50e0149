import { describe, expect, it } from 'vitest';
import { calculate } from '../src/graph/arithmetic';
import { parseNumber, shareOf, stepsWithin } from '../src/graph/numbers';
import { readSchema, type NumberWidget } from '../src/graph/schema';

const whole: NumberWidget = { kind: 'int', default: 0, min: 0, max: 4096, step: 8 };
const share: NumberWidget = { kind: 'float', default: 1, min: 0, max: 1, step: 0.01, slider: true };

describe('arithmetic in a number', () => {
  it.each([['1024*1.5', 1536], ['(3 + 1) / 2', 2], ['2-3-4', -5], ['8/2/2', 2], ['2+3*4', 14], ['-(2)*-3', 6], ['.5', 0.5], ['1e3', 1000], ['+7', 7]])('%s is %d', (text, value) => {
    expect(calculate(text)).toBe(value);
  });

  it.each(['', '2*', '(1', '1)', 'a', '1 2', '1/0', '2**3', '*'])('%s is nothing', (text) => {
    expect(calculate(text)).toBeUndefined();
  });

  it('takes a decimal comma and stays within the limits', () => {
    expect(parseNumber('1024*1,5', whole)).toBe(1536);
    expect(parseNumber('1024 * 9', whole)).toBe(4096);
    expect(parseNumber('0,25*2', share)).toBe(0.5);
    expect(parseNumber('18446744073709551615', { ...whole, kind: 'seed', max: 18446744073709551615n })).toBe(18446744073709551615n);
  });
});

describe('a slider', () => {
  it('is a share from 0 to 1, and what is declared as one', () => {
    const float = (options: object): unknown => readSchema({ A: { input: { required: { x: ['FLOAT', options as never] } } } })['A']?.inputs[0]?.widget;
    expect(float({ min: 0, max: 1 })).toHaveProperty('slider', true);
    expect(float({ min: 0, max: 8, display: 'slider' })).toHaveProperty('slider', true);
    expect(float({ min: 0, max: 8 })).not.toHaveProperty('slider');
  });

  it('knows how far its value lies, and how many steps it has', () => {
    expect([0, 0.25, 1, 3, -1].map((value) => shareOf(value, share))).toEqual([0, 0.25, 1, 1, 0]);
    expect(shareOf(3, { ...share, max: 0 })).toBe(0);
    expect(stepsWithin(share)).toBeCloseTo(100);
  });
});
