/** Times in words. */

/** An estimate: whole seconds, `8 s`, `2 min 5 s`. */
export function formatRough(ms: number): string {
  const seconds = Math.max(Math.round(ms / 1000), 1);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `240 ms`, `0.61 s`, `18 s`, `2 min 5 s`. */
export function formatTime(ms: number): string {
  if (ms < 1) return '< 1 ms';
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
