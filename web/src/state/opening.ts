/** Opening what comes from outside: files that are dropped, chosen or pasted, and text. Nothing in them may stop the page. */
import type { Point } from '../graph/model';
import { WorkflowError } from '../graph/parse';
import type { Finding } from '../graph/report';
import { decodeText, pictureTexts, readDocument } from '../graph/readFile';
import { TEXT } from '../text';
import { ask } from './ask';
import { openDocument } from './files';
import { errorSentence } from './run';
import { getState } from './store';
import { notify } from './ui';
import { placePicture } from './upload';

/** No workflow is so large, and reading more could stop the page. */
const MOST_BYTES = 32 * 2 ** 20;
const MOST_PICTURE_BYTES = 256 * 2 ** 20;

/** More files than this are opened only on demand: each gets a tab. */
const MANY = 10;

function nameOf(file: File): string {
  return file.name.replace(/\.[^.]+$/, '');
}

function refuseSize(file: File): void {
  const most = file.type.startsWith('image/') ? MOST_PICTURE_BYTES : MOST_BYTES;
  if (file.size > most) throw new WorkflowError('too_large', String(most / 2 ** 20));
}

/** Pictures that become cards stand this far from one another. */
const BESIDE_PX = 40;

/** Open the workflow a text holds. Returns what could not be understood. Throws like {@link readDocument}. */
export function openText(text: string, name: string, inOwnTab = false): readonly Finding[] {
  const { document, findings } = readDocument(text);
  return openDocument(document, name, findings, inOwnTab);
}

/** The text of the workflow in a file; undefined for a picture without one. */
async function textOf(file: File): Promise<string | undefined> {
  refuseSize(file);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const texts = pictureTexts(bytes);
  if (!texts && !file.type.startsWith('image/')) return decodeText(bytes);
  return texts?.['workflow'] ?? texts?.['prompt'];
}

async function open(file: File, at: Point | undefined, inOwnTab: boolean): Promise<void> {
  const text = await textOf(file);
  if (text !== undefined) {
    const findings = openText(text, nameOf(file), inOwnTab);
    if (findings.length === 0) notify(TEXT.notes.loaded(getState().name));
  } else if (at) await placePicture(file, at);
  else throw new WorkflowError('no_text');
}

/** Why a file could not be opened, as a sentence. Faults of ours are thrown on. */
function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return TEXT.errors.notParsed(error.message);
  // The browser may not read it: a folder, or a file that has gone meanwhile.
  if (error instanceof DOMException) return TEXT.opening.unreadable;
  return errorSentence(error);
}

/** Open a workflow, or a picture that carries one; a picture that carries none is loaded by a node where a place is given. */
async function openFile(file: File, at: Point | undefined, inOwnTab: boolean): Promise<void> {
  try {
    await open(file, at, inOwnTab);
  } catch (error) {
    notify(TEXT.errors.notWorkflow(file.name, reasonOf(error)), true);
  }
}

/** Of very many files only those that are wanted. */
async function wanted(files: readonly File[]): Promise<readonly File[]> {
  if (files.length <= MANY) return files;
  const { opening, actions } = TEXT;
  const choice = await ask(opening.manyTitle(files.length), opening.manyText, [
    { value: 'cancel', label: actions.cancel }, { value: 'all', label: opening.all(files.length) }, { value: 'some', label: opening.some(MANY), kind: 'primary' },
  ]);
  return choice === 'all' ? files : choice === 'some' ? files.slice(0, MANY) : [];
}

/** Open several files, one after the other. */
export async function openFiles(files: readonly File[], at?: Point): Promise<void> {
  for (const [number, file] of (await wanted(files)).entries()) {
    await openFile(file, at && { x: at.x + number * BESIDE_PX, y: at.y + number * BESIDE_PX }, number > 0);
  }
}
