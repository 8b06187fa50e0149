import { useEffect, useReducer } from 'react';

/** The time now in milliseconds, drawn anew every `tickMs` while something waits or runs. */
export function useNow(active: boolean, tickMs: number): number {
  const [, tick] = useReducer((count: number) => count + 1, 0);
  useEffect(() => {
    if (!active) return undefined;
    const timer = setInterval(tick, tickMs);
    return () => clearInterval(timer);
  }, [active, tickMs]);
  return Date.now();
}
