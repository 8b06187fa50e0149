/**
 * JSON that keeps 64-bit integers.
 *
 * Seeds go up to 2^64 - 1, beyond what a JavaScript number holds exactly, so such integers are read as `bigint` and
 * written back digit by digit; everything else is ordinary JSON.
 */

export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };
export type JsonObject = Record<string, Json>;

const MARK = '\u0001int:';
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LONG_INTEGER = /^-?\d{16,}$/;
const MARKED_STRING = new RegExp(`"\\\\u0001int:(-?\\d+)"`, 'g');

function revive(_key: string, value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith(MARK)) return value;
  const exact = BigInt(value.slice(MARK.length));
  const rounded = Number(exact);
  return Number.isSafeInteger(rounded) ? rounded : exact;
}

/** Parse JSON text; integers a number cannot hold exactly become `bigint`. Throws SyntaxError like `JSON.parse`. */
export function parseJson(text: string): Json {
  const marked = text.replace(STRING_OR_NUMBER, (token) =>
    LONG_INTEGER.test(token) ? `"\\u0001int:${token}"` : token,
  );
  return JSON.parse(marked, revive) as Json;
}

/** The JSON text of a value; `bigint` becomes plain digits. */
export function stringifyJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(
    value,
    (_key, item: unknown) => (typeof item === 'bigint' ? `${MARK}${item.toString()}` : item),
    indent,
  );
  return text.replace(MARKED_STRING, '$1');
}

/** Whether a JSON value is an object (not an array, not null). */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
