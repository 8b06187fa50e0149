/** Uploading pictures into a card's file widget. */
import { ServerError, uploadImage, uploadMask } from '../api/client';
import type { ImageRef } from '../api/wire';
import { addNode } from '../graph/edit';
import { freePlace } from '../graph/layout';
import type { Point } from '../graph/model';
import type { Schema } from '../graph/schema';
import { TEXT } from '../text';
import { beginGesture, commit, editValue, endGesture } from './edits';
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

/** Take a picture dropped on a card that has a file widget. Returns whether the card has one. */
export function uploadOnCard(id: string | null | undefined, file: File): boolean {
  const { graph, schema } = getState();
  const node = graph.nodes[id ?? ''];
  const input = node && schema[node.type]?.inputs.find(({ widget }) => widget?.kind === 'file');
  if (!node || !input || !file.type.startsWith('image/')) return false;
  void uploadInto(node.id, input.name, file);
  return true;
}

/** Whether the browser can read the picture; one that is broken is refused here, not by a run later. */
async function isReadable(file: File): Promise<boolean> {
  try {
    (await createImageBitmap(file)).close();
    return true;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}

/** A picture dropped on the canvas becomes a card that loads it. */
export async function placePicture(file: File, at: Point): Promise<void> {
  const spec = getState().schema['LoadImage'];
  if (!spec) {
    notify(TEXT.errors.notWorkflow(file.name, TEXT.errors.noLoader), true);
    return;
  }
  if (!(await isReadable(file))) {
    notify(TEXT.errors.upload(file.name, TEXT.errors.uploadHint), true);
    return;
  }
  beginGesture();
  const { graph, id } = addNode(getState().graph, spec, at);
  commit(graph);
  setState({ selection: new Set([id]), linkSelection: new Set() });
  await uploadInto(id, 'image', file);
  endGesture();
}

/** The file widget of the one selected card. */
function selectedLoader(): { node: string; input: string } | undefined {
  const { graph, schema, selection } = getState();
  const [id] = selection;
  const node = selection.size === 1 && id !== undefined ? graph.nodes[id] : undefined;
  const input = node && schema[node.type]?.inputs.find(({ widget }) => widget?.kind === 'file');
  return node && input ? { node: node.id, input: input.name } : undefined;
}

/** About the size of a card that loads a picture. */
const LOADER_SIZE = { width: 330, height: 320 };

/** Load a picture in the selected card where that loads one, else in a new card. */
export async function placePictureFile(file: File, at: Point): Promise<void> {
  const loader = selectedLoader();
  const { graph, schema } = getState();
  if (loader) await uploadInto(loader.node, loader.input, file);
  else await placePicture(file, freePlace(graph, schema, at, LOADER_SIZE));
}

/** Choose a file of the input folder in a card's widget. */
function choose(node: string, input: string, { filename, subfolder }: ImageRef): void {
  const name = subfolder ? `${subfolder}/${filename}` : filename;
  const { schema, graph } = getState();
  setState({ schema: withOption(schema, graph.nodes[node]?.type ?? '', input, name) });
  editValue(node, input, name);
}

/** The place of a picture of the input folder: `folder/name.png` names a subfolder. */
export function inputRef(name: string): ImageRef {
  const at = name.lastIndexOf('/');
  return { filename: name.slice(at + 1), subfolder: at < 0 ? '' : name.slice(0, at), type: 'input' };
}

/** Keep a picture with a mask as its transparency, and choose that in its widget. Returns whether that went well. */
export async function saveMask(node: string, input: string, name: string, mask: Blob): Promise<boolean> {
  const original = inputRef(name);
  try {
    choose(node, input, await uploadMask(original, mask, `${original.filename.replace(/\.[^.]+$/, '')}_mask.png`));
    return true;
  } catch (error) {
    notify(errorSentence(error), true);
    return false;
  }
}

/** Upload a picture and choose it in a card's widget. */
export async function uploadInto(node: string, input: string, file: File): Promise<void> {
  try {
    if (!(await isReadable(file))) throw new ServerError(TEXT.errors.upload(file.name, TEXT.errors.uploadHint));
    choose(node, input, await uploadImage(file));
  } catch (error) {
    notify(errorSentence(error), true);
  }
}
