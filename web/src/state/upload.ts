/** Uploading pictures into a card's file widget. */
import { ServerError, uploadImage, uploadMask } from '../api/client';
import type { ImageRef } from '../api/wire';
import { addNode, setValue } from '../graph/edit';
import { freePlace } from '../graph/layout';
import { runPrefix } from '../graph/levels';
import type { Point } from '../graph/model';
import type { Schema } from '../graph/schema';
import { TEXT } from '../text';
import { cardsOf, commit, editValues } from './edits';
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

/** The name of the input of a card that has a file widget. */
function fileInput(id: string | null | undefined): string | undefined {
  const { graph, schema } = getState();
  const node = graph.nodes[id ?? ''];
  return node && schema[node.type]?.inputs.find(({ widget }) => widget?.kind === 'file')?.name;
}

/** Take a picture dropped on a card that has a file widget. Returns whether the card has one. */
export function uploadOnCard(id: string | null | undefined, file: File): boolean {
  const input = fileInput(id);
  if (!id || input === undefined || !file.type.startsWith('image/')) return false;
  void uploadInto(id, input, file);
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

/** The graph that is shown: a level of a document. */
function placeShown(): string {
  const { active, graph } = getState();
  return `${active}/${runPrefix(graph)}`;
}

/** Upload something, and take its name where the graph that was shown before still is. Returns whether it was taken. */
async function taking(upload: () => Promise<ImageRef>, take: (name: string) => boolean): Promise<boolean> {
  const place = placeShown();
  try {
    const { filename, subfolder } = await upload();
    const name = subfolder ? `${subfolder}/${filename}` : filename;
    const isTaken = placeShown() === place && take(name);
    if (!isTaken) notify(TEXT.errors.notTaken(name), true);
    return isTaken;
  } catch (error) {
    notify(errorSentence(error), true);
    return false;
  }
}

async function uploadPicture(file: File): Promise<ImageRef> {
  if (!(await isReadable(file))) throw new ServerError(TEXT.errors.upload(file.name, TEXT.errors.uploadHint));
  return uploadImage(file);
}

/** A picture dropped on the canvas becomes a card that loads it. Returns whether it did. */
export async function placePicture(file: File, at: Point): Promise<boolean> {
  const spec = getState().schema['LoadImage'];
  if (!spec) {
    notify(TEXT.errors.notWorkflow(file.name, TEXT.errors.noLoader), true);
    return false;
  }
  return taking(() => uploadPicture(file), (name) => {
    const { graph, id } = addNode(getState().graph, spec, at);
    offer(spec.type, 'image', name);
    commit(setValue(graph, id, 'image', name));
    setState({ selection: new Set([id]), linkSelection: new Set() });
    return true;
  });
}

/** About the size of a card that loads a picture. */
const LOADER_SIZE = { width: 330, height: 320 };

/** Load a picture in the selected card where that loads one, else in a new card. Returns whether one took it. */
export async function placePictureFile(file: File, at: Point): Promise<boolean> {
  const { graph, schema, selection } = getState();
  const [id] = selection;
  const input = selection.size === 1 ? fileInput(id) : undefined;
  if (id !== undefined && input !== undefined) return uploadInto(id, input, file);
  return placePicture(file, freePlace(graph, schema, at, LOADER_SIZE));
}

/** List a new file of the input folder among those to choose. */
function offer(type: string, input: string, name: string): void {
  setState({ schema: withOption(getState().schema, type, input, name) });
}

/** Choose a file of the input folder in those of these cards that are still there. Returns whether any is. */
function choose(nodes: readonly string[], input: string, name: string): boolean {
  const { graph } = getState();
  const there = nodes.flatMap((id) => graph.nodes[id] ?? []);
  for (const { type } of there) offer(type, input, name);
  editValues(there.map(({ id }) => id), input, name);
  return there.length > 0;
}

/** The place of a picture of the input folder: `folder/name.png` names a subfolder. */
export function inputRef(name: string): ImageRef {
  const at = name.lastIndexOf('/');
  return { filename: name.slice(at + 1), subfolder: at < 0 ? '' : name.slice(0, at), type: 'input' };
}

/** Keep a picture with a mask as its transparency, and choose that in its widget. Returns whether that went well. */
export async function saveMask(node: string, input: string, name: string, mask: Blob): Promise<boolean> {
  const original = inputRef(name);
  const upload = (): Promise<ImageRef> => uploadMask(original, mask, `${original.filename.replace(/\.[^.]+$/, '')}_mask.png`);
  const nodes = cardsOf(node);
  return taking(upload, (given) => choose(nodes, input, given));
}

/** Upload a picture and choose it in a card's widget, or in those of the cards that are selected now. Returns whether that went well. */
export async function uploadInto(node: string, input: string, file: File): Promise<boolean> {
  const nodes = cardsOf(node);
  return taking(() => uploadPicture(file), (name) => choose(nodes, input, name));
}
