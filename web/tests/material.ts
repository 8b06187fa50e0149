import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseJson, type Json } from '../src/graph/json';
import { readSchema, type Schema } from '../src/graph/schema';

const shared = process.env['SD35GRAPH_SHARED'] ?? resolve(import.meta.dirname, '../../../shared');

/** Whether the recorded material is here; where it must be, its absence is an error, not a skip. */
export const hasMaterial = existsSync(join(shared, 'workflows'));
if (!hasMaterial && process.env['SD35GRAPH_REQUIRE_ALL'] === '1') {
  throw new Error(`SD35GRAPH_REQUIRE_ALL is set, but there is no recorded material at ${shared}`);
}
export const WHY_SKIPPED = 'recorded workflows not found: set SD35GRAPH_SHARED';

export function materialText(...path: string[]): string {
  return readFileSync(join(shared, ...path), 'utf8');
}

export function readMaterial(...path: string[]): Json {
  return parseJson(materialText(...path));
}

/** Node types of the capture, with Canny, which the recorded workflows use and the capture lacks. */
export function recordedSchema(): Schema {
  const threshold = (value: number): Json => ['FLOAT', { default: value, min: 0.01, max: 0.99, step: 0.01 }];
  return readSchema({
    ...(readMaterial('parity', 'e2e', 'object_info.json') as Record<string, Json>),
    Canny: {
      input: { required: { image: ['IMAGE'], low_threshold: threshold(0.4), high_threshold: threshold(0.8) } },
      output: ['IMAGE'], output_name: ['IMAGE'], name: 'Canny', category: 'image/preprocessors',
    },
  });
}

/** Names of workflows recorded in both forms. */
export function recordedPairs(): string[] {
  if (!hasMaterial) return [];
  return readdirSync(join(shared, 'workflows'))
    .filter((file) => file.endsWith('.editor.json'))
    .map((file) => file.slice(0, -'.editor.json'.length));
}

/** Workflows recorded in API form only. */
export function recordedApiForms(): string[] {
  if (!hasMaterial) return [];
  return readdirSync(join(shared, 'workflows')).filter((file) => file.endsWith('.api.json'));
}

/** A small schema for tests that need no recorded material. */
export const TOY: Schema = readSchema({
  Load: {
    input: { required: { file: [['a.safetensors', 'b.safetensors']] } },
    output: ['MODEL', 'CLIP'], output_name: ['MODEL', 'CLIP'], category: 'loaders',
  },
  Text: {
    input: { required: { text: ['STRING', { multiline: true }], clip: ['CLIP'] } },
    output: ['CONDITIONING'], output_name: ['CONDITIONING'], category: 'conditioning',
  },
  Patch: {
    input: { required: { model: ['MODEL'], amount: ['FLOAT', { default: 1, min: 0, max: 2, step: 0.1 }] },
      optional: { style: [['plain', 'fancy']] } },
    output: ['MODEL'], output_name: ['MODEL'], category: 'patches',
  },
  Sample: {
    input: { required: { model: ['MODEL'], seed: ['INT', { default: 0, min: 0, max: 18446744073709551615n }],
      steps: ['INT', { default: 20, min: 1, max: 100 }], positive: ['CONDITIONING'] } },
    output: ['IMAGE'], output_name: ['IMAGE'], category: 'sampling',
  },
  Show: { input: { required: { images: ['IMAGE'] } }, output: [], category: 'image', output_node: true },
});
