/**
 * JSON that loses nothing: 64-bit integers and the spelling of numbers.
 *
 * Seeds go up to 2^64 - 1, beyond what a JavaScript number holds exactly, so such integers are read as `bigint`. Other
 * programs tell `1.0` from `1`, so a number that is spelled unlike JavaScript would spell it keeps its text: it is
 * remembered beside the list or object that holds the number, and written again as long as the number is the same.
 */

export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };
export type JsonObject = Record<string, Json>;

const NUMBER = '\u0001num:';
const STRING = '\u0001str:';
// Strings in strides from one backslash to the next: letter by letter, one of many megabytes ends the browser's stack.
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
// A quote within a string has a backslash before it; one that opens a string has not.
const MARKED_NUMBER = /(?<!\\)"\\u0001num:([^"]+)"/g;
const MARKED_STRING = /(?<!\\)"\\u0001str:/g;

const spellings = new WeakMap<object, Record<string, string>>();

function remember(holder: object, key: string, text: string): void {
  const known = spellings.get(holder) ?? {};
  known[key] = text;
  spellings.set(holder, known);
}

function exact(text: string): number | bigint {
  const rounded = Number(text);
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(rounded) ? BigInt(text) : rounded;
}

function revive(this: object, key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (value.startsWith(STRING)) return value.slice(STRING.length);
  if (!value.startsWith(NUMBER)) return value;
  const text = value.slice(NUMBER.length);
  const number = exact(text);
  if (String(number) !== text) remember(this, key, text);
  return number;
}

/** Numbers that a plain parser would change, and strings that look like our marks, go through it as marked strings. */
function marked(token: string): string {
  if (token.startsWith('"')) return token.startsWith('"\\u0001') ? `"\\u0001str:${token.slice(1)}` : token;
  return String(Number(token)) === token && Number.isSafeInteger(Math.trunc(Number(token))) ? token : `"\\u0001num:${token}"`;
}

/** Parse JSON text; integers a number cannot hold exactly become `bigint`. Throws SyntaxError like `JSON.parse`. */
export function parseJson(text: string): Json {
  return JSON.parse(text.replace(STRING_OR_NUMBER, marked), revive) as Json;
}

function mark(this: object, key: string, item: unknown): unknown {
  if (typeof item === 'string') return item.startsWith('\u0001') ? STRING + item : item;
  if (typeof item !== 'number' && typeof item !== 'bigint') return item;
  const spelled = spellings.get(this)?.[key];
  if (spelled !== undefined && Object.is(exact(spelled), item)) return NUMBER + spelled;
  return typeof item === 'bigint' ? NUMBER + item.toString() : item;
}

/** The JSON text of a value; `bigint` becomes plain digits. */
export function stringifyJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, mark, indent).replace(MARKED_NUMBER, '$1').replace(MARKED_STRING, '"');
}

/** Whether two JSON values say the same, whatever the order of keys. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, at) => sameJson(item, b[at]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && sameJson(a[key], b[key]));
}

/** `after` with every part that says the same as in `before` taken from there, in its order and its spelling. */
export function respell<T extends Json>(before: Json | undefined, after: T): T {
  if (sameJson(before, after)) return before as T;
  if (Array.isArray(before) && Array.isArray(after)) {
    const items = after.map((item, at) => respell(before[at], item));
    return withSpelling(before, items) as T;
  }
  if (!isObject(before) || !isObject(after)) return after;
  const keys = [...Object.keys(before).filter((key) => key in after), ...Object.keys(after).filter((key) => !(key in before))];
  return withSpelling(before, Object.fromEntries(keys.map((key) => [key, respell(before[key], after[key] ?? null)]))) as T;
}

function withSpelling<T extends object>(before: object, after: T): T {
  const known = spellings.get(before);
  if (known) spellings.set(after, { ...known });
  return after;
}

/** Whether a JSON value is an object (not an array, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a table can have an entry of this name: every object has some already, such as `constructor`. */
export function isOrdinary(name: string): boolean {
  return !(name in Object.prototype);
}

/** The object itself, or an empty one. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The list itself, or an empty one. */
export function asList(value: unknown): Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}

/** Printable form of a JSON scalar. */
export function asText(value: unknown, fallback = ''): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return value.toString();
  return fallback;
}
