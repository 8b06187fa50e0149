/** Uploading pictures into a card's file widget. */
import { uploadImage } from '../api/client';
import type { Schema } from '../graph/schema';
import { editValue } from './edits';
import { errorSentence } from './run';
import { getState, setState } from './store';
import { notify } from './ui';

/** The schema with one more file to choose, until the server is asked again. */
function withOption(schema: Schema, type: string, input: string, name: string): Schema {
  const spec = schema[type];
  if (!spec) return schema;
  const inputs = spec.inputs.map((candidate) => {
    const { widget } = candidate;
    if (candidate.name !== input || widget?.kind !== 'file' || widget.options.includes(name)) return candidate;
    return { ...candidate, widget: { ...widget, options: [...widget.options, name] } };
  });
  return { ...schema, [type]: { ...spec, inputs } };
}

/** Upload a picture and choose it in a card's widget. */
export async function uploadInto(node: string, input: string, file: File): Promise<void> {
  try {
    const { filename, subfolder } = await uploadImage(file);
    const name = subfolder ? `${subfolder}/${filename}` : filename;
    const { schema, graph } = getState();
    const type = graph.nodes[node]?.type ?? '';
    setState({ schema: withOption(schema, type, input, name) });
    editValue(node, input, name);
  } catch (error) {
    notify(errorSentence(error), true);
  }
}
