/** The little of a page that the state needs. Import it before the state, some of which reads the page when it is loaded. */
import { vi } from 'vitest';

function storage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  const held = new Map<string, string>();
  return { getItem: (key) => held.get(key) ?? null, setItem: (key, value) => void held.set(key, value), removeItem: (key) => void held.delete(key) };
}

vi.stubGlobal('sessionStorage', storage());
vi.stubGlobal('localStorage', storage());
vi.stubGlobal('HTMLElement', Map); // no element is one
vi.stubGlobal('document', { activeElement: null });
vi.stubGlobal('requestAnimationFrame', (draw: () => void) => void setTimeout(draw));
vi.stubGlobal('window', { matchMedia: () => ({ matches: false }), location: { origin: 'http://here', pathname: '/', search: '', hash: '' } });
vi.stubGlobal('createImageBitmap', () => Promise.resolve({ close: () => undefined }));

export interface Asked {
  method: string;
  path: string;
  /** The text that was sent; empty where it was none. */
  body: string;
  headers: Readonly<Record<string, string>>;
}

/** Answer the page's requests, and keep what was asked. */
export function serve(answer: (asked: Asked) => Response | Promise<Response>): Asked[] {
  const all: Asked[] = [];
  vi.stubGlobal('fetch', (path: string, { method = 'GET', body = '', headers = {} }: { method?: string; body?: string | FormData; headers?: Record<string, string> } = {}) => {
    const asked = { method, path, headers, body: typeof body === 'string' ? body : '' };
    all.push(asked);
    return Promise.resolve(answer(asked));
  });
  return all;
}

/** An answer that is given when it is told to. */
export function later<T>(): { promise: Promise<T>; give: (value: T) => void } {
  let give: (value: T) => void = () => undefined;
  const promise = new Promise<T>((resolve) => (give = resolve));
  return { promise, give };
}
