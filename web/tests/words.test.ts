/** No word the user sees stands outside the text tables; every table has all of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DE } from '../src/text/de';
import { DE_NODES } from '../src/text/de_nodes';
import { EN } from '../src/text/en';
import { EN_NODES } from '../src/text/en_nodes';

const SOURCE = join(import.meta.dirname, '..', 'src');
/** Names and key signs are the same in every language. */
const ALLOWED = /^(sd35|graph|·|px|ms|GB|[^\p{L}]*)$/u;

function components(): string[] {
  return readdirSync(SOURCE, { recursive: true, encoding: 'utf-8' }).filter((path) => path.endsWith('.tsx'));
}

/** What a component's text holds as words: between tags, and in attributes that are shown or read out. */
function literals(code: string): string[] {
  const plain = code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
  const between = [...plain.matchAll(/<\/?[A-Za-z][^<>]*(?<!=)>([^<>{}]*)(?=<\/?[A-Za-z]|\{)/g)].map(([, words = '']) => words);
  // What stands between the values put into a text: `${type} · node ${id}`.
  const put = [...plain.matchAll(/\b(?:aria-label|title|placeholder|alt)=\{[^`{}]*`((?:[^`\\]|\\.)*)`/g)].map(([, words = '']) => words.replace(/\$\{[^}]*\}/g, '')).filter((words) => !words.includes('${'));
  const attributes = [...plain.matchAll(/\b(?:aria-label|title|placeholder|alt|aria-description)="([^"]*)"/g)].map(([, words = '']) => words);
  return [...between, ...put, ...attributes].map((words) => words.trim()).filter((words) => /\p{L}{2,}/u.test(words) && !ALLOWED.test(words));
}

function keysOf(table: object, prefix = ''): string[] {
  return Object.entries(table).flatMap(([key, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? keysOf(value, `${prefix}${key}.`) : [`${prefix}${key}`]);
}

describe('words', () => {
  it.each(components())('%s takes its words from the tables', (path) => {
    expect(literals(readFileSync(join(SOURCE, path), 'utf-8')).filter((words) => !/[;=()]/.test(words))).toEqual([]);
  });

  it('finds words between tags and in attributes', () => {
    expect(literals('return <p title="Some hint">Some words {count}</p>;')).toEqual(['Some words', 'Some hint']);
    expect(literals('return <p title={`${type} of ${name}`} />;')).toEqual(['of']);
  });

  it('has the same words in both languages', () => {
    const { keys: _keys, ...english } = EN;
    const { keys: _tasten, ...others } = DE;
    expect(keysOf(others).sort()).toEqual(keysOf(english).sort());
    // What English names in friendlier words has German ones too; the server's own names are English already.
    expect(Object.keys(DE_NODES.titles)).toEqual(expect.arrayContaining(Object.keys(EN_NODES.titles)));
    expect(Object.keys(DE_NODES.labels)).toEqual(expect.arrayContaining(Object.keys(EN_NODES.labels)));
  });
});
