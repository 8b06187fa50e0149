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
  return openDocument(document, name, { findings, inOwnTab });
}

/** Open what another tool wrote into a picture, as a workflow that makes such a one. Returns whether it wrote anything. */
async function openOtherTools(texts: Readonly<Record<string, string>>, name: string, inOwnTab: boolean): Promise<boolean> {
  const { translate } = await import('../graph/recipeWorkflow');
  const made = translate(texts, getState().schema, TEXT.opening);
  if (!made) return false;
  openDocument(made.document, name, { findings: made.findings, tool: made.tool, inOwnTab });
  return true;
}

function openWorkflow(text: string, file: File, inOwnTab: boolean): void {
  const findings = openText(text, nameOf(file), inOwnTab);
  if (findings.length === 0) notify(TEXT.notes.loaded(getState().name));
}

async function openPicture(file: File, texts: Readonly<Record<string, string>>, at: Point | undefined, inOwnTab: boolean): Promise<void> {
  // Other tools keep a prompt under this name too, as plain text.
  const own = [texts['workflow'], texts['prompt']].find((text) => text?.trimStart().startsWith('{'));
  if (own !== undefined) openWorkflow(own, file, inOwnTab);
  else if (await openOtherTools(texts, nameOf(file), inOwnTab)) return;
  else if (at) await placePicture(file, at);
  else throw new WorkflowError('no_text');
}

async function open(file: File, at: Point | undefined, inOwnTab: boolean): Promise<void> {
  refuseSize(file);
  const bytes = new Uint8Array(await file.arrayBuffer());
  const texts = await pictureTexts(bytes) ?? (file.type.startsWith('image/') ? {} : undefined);
  if (texts) await openPicture(file, texts, at, inOwnTab);
  else openWorkflow(decodeText(bytes), file, inOwnTab);
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
