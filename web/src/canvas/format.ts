/** Times in words, numbers as the user's language writes them. */

const formats = new Map<string, Intl.NumberFormat>();

/** A number with so many decimals. */
export function decimal(value: number, digits: number): string {
  const { lang } = document.documentElement;
  const key = `${lang}/${digits}`;
  const format = formats.get(key) ?? new Intl.NumberFormat(lang || undefined, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  formats.set(key, format);
  return format.format(value);
}

/** An estimate: whole seconds, `8 s`, `2 min 5 s`. */
export function formatRough(ms: number): string {
  const seconds = Math.max(Math.round(ms / 1000), 1);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** `240 ms`, `0.61 s`, `18 s`, `2 min 5 s`. */
export function formatTime(ms: number): string {
  if (ms < 1) return '< 1 ms';
  if (ms < 100) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${decimal(ms / 1000, 2)} s`;
  if (ms < 60_000) return `${decimal(ms / 1000, 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}
