/** Times in words, numbers as the user's language writes them. */
import { TEXT } from '../text';

const formats = new Map<string, Intl.NumberFormat>();

/** A number with so many decimals. */
export function decimal(value: number, digits: number): string {
  const { lang } = document.documentElement;
  const key = `${lang}/${digits}`;
  const format = formats.get(key) ?? new Intl.NumberFormat(lang || undefined, { useGrouping: false, minimumFractionDigits: digits, maximumFractionDigits: digits });
  formats.set(key, format);
  return format.format(value);
}

const [MB, GB] = [1e6, 1e9];

/** `84 MB`, `5.1 GB`. */
export function formatSize(bytes: number): string {
  return bytes < GB ? `${decimal(Math.ceil(bytes / MB), 0)} MB` : `${decimal(bytes / GB, 1)} GB`;
}

/** The language of the page as the reader's country writes it: en-GB has other clocks than en-US. */
function locale(): string | undefined {
  const { lang } = document.documentElement;
  return navigator.languages.find((tag) => tag.split('-')[0] === lang) ?? (lang || undefined);
}

/** `14:02`, with the day where it is not today's. */
export function clockTime(ms: number): string {
  const isToday = new Date(ms).toDateString() === new Date().toDateString();
  return new Date(ms).toLocaleString(locale(), { timeStyle: 'short', ...(isToday ? {} : { dateStyle: 'medium' }) });
}

const UNITS: readonly (readonly [unit: Intl.RelativeTimeFormatUnit, ms: number])[] = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000]];

/** How long ago: `just now`, `2 min ago`, `yesterday`. */
export function formatAgo(ms: number): string {
  const [unit, length] = UNITS.find(([, least]) => ms >= least) ?? [];
  if (unit === undefined || length === undefined) return TEXT.saved.justNow;
  const format = new Intl.RelativeTimeFormat(locale(), { style: 'short', numeric: 'auto' });
  return format.format(-Math.floor(ms / length), unit);
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
