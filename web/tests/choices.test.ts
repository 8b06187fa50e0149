import { describe, expect, it } from 'vitest';
import { matchChoices, stepChoice } from '../src/graph/choices';

const OPTIONS = ['euler', 'euler_ancestral', 'dpmpp_2m', 'dpmpp_2m_sde', 'sd3/large.safetensors', 'Large turbo'];

describe('choosing by typing', () => {
  it('offers all in their order until something is typed', () => {
    expect(matchChoices(OPTIONS, '  ')).toBe(OPTIONS);
  });

  it('wants every word, whatever its case, and shows beginnings first', () => {
    expect(matchChoices(OPTIONS, 'SDE 2m')).toEqual(['dpmpp_2m_sde']);
    expect(matchChoices(OPTIONS, 'large')).toEqual(['sd3/large.safetensors', 'Large turbo']);
    expect(matchChoices(OPTIONS, 'a')).toEqual(['euler_ancestral', 'sd3/large.safetensors', 'Large turbo']);
    expect(matchChoices(OPTIONS, 'heun')).toEqual([]);
  });

  it('moves by keys and stays within the list', () => {
    expect(['ArrowDown', 'ArrowUp', 'PageDown', 'PageUp', 'Home', 'End'].map((key) => stepChoice(key, 2, 6))).toEqual([3, 1, 5, 0, 0, 5]);
    expect(stepChoice('ArrowUp', -1, 6)).toBe(5);
    expect(stepChoice('ArrowDown', 5, 6)).toBe(5);
    expect(stepChoice('Enter', 2, 6)).toBeUndefined();
  });
});
