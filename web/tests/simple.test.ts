import { describe, expect, it } from 'vitest';
import { parseWorkflow } from '../src/graph/parseApi';
import { readSchema } from '../src/graph/schema';
import { isInSimpleView, simpleFields, togglePins, unpin } from '../src/graph/simple';

const number = ['INT', { default: 1 }];
const schema = readSchema({
  Text: { input: { required: { clip: ['CLIP'], text: ['STRING', { multiline: true }] } }, output: ['CONDITIONING'] },
  Latent: { input: { required: { width: number, height: number } }, output: ['LATENT'] },
  Pass: { input: { required: { conditioning: ['CONDITIONING'] } }, output: ['CONDITIONING'] },
  Sampler: { input: { required: { positive: ['CONDITIONING'], negative: ['CONDITIONING'], latent_image: ['LATENT'], seed: number, steps: number, cfg: number } }, output: ['LATENT'] },
});
const { graph } = parseWorkflow({
  1: { class_type: 'Text', inputs: { text: 'a' } },
  2: { class_type: 'Text', inputs: { text: 'b' } },
  3: { class_type: 'Pass', inputs: { conditioning: ['2', 0] } },
  4: { class_type: 'Latent', inputs: { width: 8, height: 8 } },
  5: { class_type: 'Sampler', inputs: { positive: ['1', 0], negative: ['3', 0], latent_image: ['4', 0], seed: 1, steps: 2, cfg: 3 } },
}, schema);

const shown = (of: typeof graph): string[] => simpleFields(of, schema).map(({ node, input }) => `${node.id}/${input.name}`);

describe('the simple view', () => {
  it('shows prompts, size, seed and steps until something else is chosen', () => {
    expect(shown(graph)).toEqual(['1/text', '2/text', '4/width', '4/height', '5/seed', '5/steps']);
  });

  it('shows no more of a node that is taken out, and all of one that is put in', () => {
    const without = togglePins(graph, schema, '4');
    expect(isInSimpleView(without, schema, '4')).toBe(false);
    expect(shown(without)).toEqual(['1/text', '2/text', '5/seed', '5/steps']);
    expect(shown(togglePins(without, schema, '4'))).toEqual(['1/text', '2/text', '5/seed', '5/steps', '4/width', '4/height']);
  });

  it('leaves out single inputs, and such as are gone', () => {
    const [, , width] = simpleFields(graph, schema);
    const chosen = width ? unpin(graph, schema, width) : graph;
    expect(shown(chosen)).not.toContain('4/width');
    const { 1: _gone, ...nodes } = chosen.nodes;
    expect(shown({ ...chosen, nodes })).not.toContain('1/text');
  });
});
