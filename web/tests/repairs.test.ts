import { describe, expect, it } from 'vitest';
import { commonFields } from '../src/graph/common';
import { invertMask } from '../src/graph/maskPixels';
import { parseWorkflow } from '../src/graph/parseApi';
import { repairsFor } from '../src/graph/repairs';
import { readSchema } from '../src/graph/schema';

const schema = readSchema({
  Loader: { input: { required: { ckpt_name: [['a.safetensors', 'b.safetensors'], {}] } }, output: ['MODEL'], output_name: ['MODEL'] },
  Image: { input: { required: { width: ['INT', { default: 512, min: 1, max: 100 }], seed: ['INT', {}] } }, output: ['IMAGE'], output_name: ['IMAGE'] },
  Other: { input: { required: { width: ['INT', { default: 64 }], text: ['STRING', {}] } }, output: [], output_name: [] },
});
const { graph } = parseWorkflow({
  1: { class_type: 'Loader', inputs: { ckpt_name: 'c.safetensors' } }, 2: { class_type: 'Image', inputs: { width: 5000, seed: 1 } },
  3: { class_type: 'Other', inputs: { width: 7, text: 'a' } }, 4: { class_type: 'Other', inputs: { width: ['2', 0], text: 'b' } },
}, schema);

describe('repairs', () => {
  it('takes what the server suggests, and the command that fetches the file', () => {
    const error = { type: 'value_not_in_list', extra: { suggestions: ['b.safetensors'], received_value: 'c.safetensors', facts: { command: 'sd35graph models pull c' } } };
    expect(repairsFor(graph, schema, '1', 'ckpt_name', error)).toEqual({ fix: { node: '1', input: 'ckpt_name', value: 'b.safetensors' }, command: 'sd35graph models pull c' });
  });

  it('brings a number to its limit, and anything else to its default', () => {
    const error = { type: 'value_bigger_than_max', extra: {} };
    expect(repairsFor(graph, schema, '2', 'width', error)).toEqual({ fix: { node: '2', input: 'width', value: 100 } });
    const wrong = parseWorkflow({ 2: { class_type: 'Image', inputs: { width: 'abc', seed: 1 } } }, schema).graph;
    expect(repairsFor(wrong, schema, '2', 'width', { ...error, type: 'invalid_input_type' })).toEqual({ fix: { node: '2', input: 'width', value: 512 } });
  });

  it('names nodes that give what is missing, of those there are', () => {
    const error = { type: 'required_input_missing', extra: { suggestions: ['Image', 'NoSuch'] } };
    expect(repairsFor(graph, schema, '3', 'image', error)).toEqual({ sources: ['Image'] });
  });
});

describe('common fields', () => {
  it('have one name and one kind in all nodes and are not linked', () => {
    const fields = commonFields(graph, schema, ['2', '3']);
    expect(fields.map(({ input, value, differs }) => [input.name, value, differs])).toEqual([['width', 5000, true]]);
    expect(commonFields(graph, schema, ['3', '4']).map(({ input }) => input.name)).toEqual(['text']);
    expect(commonFields(graph, schema, ['1', '2'])).toEqual([]);
  });
});

describe('masks', () => {
  it('invert', () => {
    const pixels = new Uint8ClampedArray([1, 2, 3, 255, 4, 5, 6, 0]);
    invertMask(pixels, [9, 9, 9]);
    expect([...pixels]).toEqual([9, 9, 9, 0, 9, 9, 9, 255]);
  });
});
