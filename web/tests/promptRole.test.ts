import { describe, expect, it } from 'vitest';
import { parseWorkflow } from '../src/graph/parseApi';
import { isNegativePrompt } from '../src/graph/promptRole';
import { readSchema } from '../src/graph/schema';

const schema = readSchema({
  Prompt: { input: { required: { text: ['STRING', { multiline: true, dynamicPrompts: true }] } }, output: ['CONDITIONING'], output_name: ['CONDITIONING'] },
  Zero: { input: { required: { conditioning: ['CONDITIONING'] } }, output: ['CONDITIONING'], output_name: ['CONDITIONING'] },
  Sampler: { input: { required: { positive: ['CONDITIONING'], negative: ['CONDITIONING'] } }, output: ['LATENT'], output_name: ['LATENT'] },
});

function role(links: Record<string, object>): boolean {
  const { graph } = parseWorkflow({ 1: { class_type: 'Prompt', inputs: { text: '' } }, ...links }, schema);
  return isNegativePrompt(graph, '1');
}

describe('a prompt', () => {
  it('is negative where all that reads it takes it so, also through other nodes', () => {
    expect(role({ 2: { class_type: 'Sampler', inputs: { negative: ['1', 0] } } })).toBe(true);
    expect(role({ 2: { class_type: 'Zero', inputs: { conditioning: ['1', 0] } }, 3: { class_type: 'Sampler', inputs: { negative: ['2', 0] } } })).toBe(true);
  });

  it('is not negative where it is also the positive one, or is not used', () => {
    expect(role({ 2: { class_type: 'Sampler', inputs: { positive: ['1', 0], negative: ['1', 0] } } })).toBe(false);
    expect(role({})).toBe(false);
  });

  it('is known by its field', () => {
    expect(schema['Prompt']?.inputs[0]?.widget).toMatchObject({ kind: 'text', isPrompt: true });
  });
});
