/** A browser that withholds what it could keep, or is full. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { browserStore } from '../src/api/storage';

function refusing(name: string): () => never {
  return () => {
    throw new DOMException('no', name);
  };
}

afterEach(() => vi.unstubAllGlobals());

describe('the small store', () => {
  it('is that of the browser', () => {
    const held = new Map<string, string>();
    vi.stubGlobal('localStorage', { getItem: (key: string) => held.get(key) ?? null, setItem: (key: string, value: string) => held.set(key, value), removeItem: (key: string) => held.delete(key) });
    browserStore.setItem('a', '1');
    expect(held.get('a')).toBe('1');
    expect(browserStore.getItem('a')).toBe('1');
    browserStore.removeItem('a');
    expect(browserStore.getItem('a')).toBeNull();
  });

  it('keeps what a full one does not take, until that takes it', () => {
    const setItem = vi.fn(refusing('QuotaExceededError'));
    vi.stubGlobal('localStorage', { getItem: () => 'before', setItem, removeItem: () => undefined });
    browserStore.setItem('b', 'now');
    expect(browserStore.getItem('b')).toBe('now');
    setItem.mockImplementation((() => undefined) as () => never);
    browserStore.setItem('b', 'now');
    expect(browserStore.getItem('b')).toBe('before');
  });

  it('keeps what a withheld one does not, for as long as the page lives', () => {
    vi.stubGlobal('localStorage', { getItem: refusing('SecurityError'), setItem: refusing('SecurityError'), removeItem: refusing('SecurityError') });
    expect(browserStore.getItem('c')).toBeNull();
    browserStore.setItem('c', '1');
    expect(browserStore.getItem('c')).toBe('1');
    browserStore.removeItem('c');
    expect(browserStore.getItem('c')).toBeNull();
  });

  it('hides no mistake of ours', () => {
    vi.stubGlobal('localStorage', { getItem: () => { throw new TypeError('ours'); } });
    expect(() => browserStore.getItem('d')).toThrow('ours');
  });
});
