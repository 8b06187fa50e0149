import { describe, expect, it } from 'vitest';
import { timeUntilDone, usualDuration, type Timed } from '../src/graph/estimates';
import { factsOf } from '../src/graph/facts';
import { parseWorkflow } from '../src/graph/parseApi';
import { readReason } from '../src/graph/reasons';
import { visibleRows } from '../src/graph/rows';
import { toApiForm } from '../src/graph/serialize';
import { neededBy, outputsOf } from '../src/graph/targets';

function job(title: string, state: string, durationMs = 0, startedAt = 0): Timed {
  return { title, state, durationMs, startedAt };
}

describe('estimates', () => {
  it('is the median of the newest finished runs of the same workflow', () => {
    const jobs = [job('a', 'done', 30), job('b', 'done', 9000), job('a', 'failed', 1), job('a', 'done', 10), job('a', 'done', 20)];
    expect(usualDuration(jobs, 'a')).toBe(20);
    expect(usualDuration(jobs, 'c')).toBeUndefined();
  });

  it('counts what is left of the running job, what waits before, and the job itself', () => {
    const jobs = [job('a', 'running', 0, 1000), job('a', 'waiting'), job('a', 'waiting'), job('a', 'done', 100)];
    expect(timeUntilDone(jobs, 1, 1060)).toBe(140);
    expect(timeUntilDone(jobs, 2, 2000)).toBe(200);
  });

  it('says nothing where a job before it is of a workflow that never ran', () => {
    expect(timeUntilDone([job('new', 'waiting'), job('a', 'waiting'), job('a', 'done', 5)], 1, 0)).toBeUndefined();
  });
});

describe('reasons', () => {
  it.each([
    ['not run before', { kind: 'new' }],
    ['input "seed" changed', { kind: 'inputs', names: ['seed'] }],
    ['input "seed", file "a, b.png" changed', { kind: 'other' }],
    ['input "seed", input "cfg" changed', { kind: 'inputs', names: ['seed', 'cfg'] }],
    ['the cache let go of it', { kind: 'other' }],
  ])('reads %s', (reason, read) => {
    expect(readReason(reason)).toEqual(read);
  });
});

describe('targets', () => {
  const input = { name: 'in', label: 'in', type: 'IMAGE', optional: false, advanced: false, help: '', widget: null };
  const spec = (type: string, isOutput: boolean) => ({
    type, title: type, serverTitle: type, category: '', categoryTitle: '', help: '', inputs: [input], outputs: [{ name: 'o', type: 'IMAGE', help: '' }], isOutput, isVirtual: false,
  });
  const schema = { Make: spec('Make', false), Save: spec('Save', true) };
  const { graph } = parseWorkflow({
    1: { class_type: 'Make', inputs: {} }, 2: { class_type: 'Save', inputs: { in: ['1', 0] } }, 3: { class_type: 'Make', inputs: {} }, 4: { class_type: 'Save', inputs: { in: ['3', 0] } },
  }, schema);

  it('are the selected outputs, else those the selection leads to', () => {
    expect(outputsOf(graph, schema, new Set(['2', '3']))).toEqual(['2']);
    expect(outputsOf(graph, schema, new Set(['3']))).toEqual(['4']);
    expect(outputsOf(graph, schema, new Set())).toEqual([]);
  });

  it('need what is before them', () => {
    expect(neededBy(toApiForm(graph, schema), ['4']).sort()).toEqual(['3', '4']);
  });
});

describe('facts of a picture', () => {
  it('are those of the nearest sampler before it, through linked values', () => {
    const prompt = {
      s: { inputs: { images: ['d', 0] } }, d: { inputs: { samples: ['k', 0], vae: ['m', 2] } }, m: { inputs: { ckpt_name: 'a.safetensors' } },
      k: { inputs: { model: ['m', 0], seed: ['n', 0], steps: 4, cfg: 1.5, sampler_name: 'euler', scheduler: 'simple', positive: ['p', 0], negative: ['z', 0] } },
      n: { inputs: { value: 18446744073709551615n } }, p: { inputs: { text: 'a fox', clip: ['m', 1] } }, z: { inputs: { conditioning: ['p', 0] } },
    };
    expect(factsOf(prompt, 's')).toEqual({
      prompt: 'a fox', negative: 'a fox', seed: '18446744073709551615', steps: '4', cfg: '1.5', sampler: 'euler', scheduler: 'simple', model: 'a.safetensors',
    });
    expect(factsOf({ s: { inputs: { images: ['s', 0] } } }, 's')).toEqual({});
  });
});

describe('rows in sight', () => {
  it('are the seen ones and a few beside them', () => {
    expect(visibleRows(1000, 100, 5000, 800)).toEqual({ from: 47, to: 61 });
    expect(visibleRows(2, 100, 0, 800)).toEqual({ from: 0, to: 2 });
    expect(visibleRows(0, 100, 9000, 800)).toEqual({ from: 0, to: 0 });
  });
});
