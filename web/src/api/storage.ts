/**
 * The browser's small stores. One that it withholds (all cookies blocked) or that is full keeps what it is told for as
 * long as the page lives: that something is not remembered must stop nothing.
 */
type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

function keeping(find: () => Store | undefined): Store {
  const held = new Map<string, string | null>();
  const attempt = <T>(act: (store: Store) => T): T | undefined => {
    try {
      const store = find();
      return store && act(store);
    } catch (error) {
      if (error instanceof DOMException) return undefined;
      throw error;
    }
  };
  const put = (key: string, value: string | null, act: (store: Store) => void): void => {
    held.set(key, value);
    attempt((store) => {
      act(store);
      held.delete(key);
    });
  };
  return {
    getItem: (key) => held.get(key) ?? (held.has(key) ? null : (attempt((store) => store.getItem(key)) ?? null)),
    setItem: (key, value) => put(key, value, (store) => store.setItem(key, value)),
    removeItem: (key) => put(key, null, (store) => store.removeItem(key)),
  };
}

/** Of this browser; in a test without a page there may be none. */
export const browserStore = keeping(() => (typeof localStorage === 'undefined' ? undefined : localStorage));

/** Of this tab, over a reload. */
export const tabStore = keeping(() => (typeof sessionStorage === 'undefined' ? undefined : sessionStorage));
