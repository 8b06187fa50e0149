import { useEffect } from 'react';
import { readClipboard } from '../graph/clipboard';
import { duplicateSelection } from '../panels/CardMenu';
import { chooseFile } from '../panels/chooseFile';
import { copySelection, deleteSelection, paste, redoStep, selectAll, toggleSelectionMode, undoStep } from '../state/edits';
import { requestFit, viewCentre } from '../state/camera';
import { switchDocument } from '../state/documents';
import { saveWorkflow } from '../state/files';
import { runWorkflow } from '../state/run';
import { getState, setState } from '../state/store';

/** Whether keys belong to a field that is being edited. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Commands that work everywhere, also while a field is edited. */
const ANYWHERE: Readonly<Record<string, () => void>> = {
  enter: () => void runWorkflow(),
  k: () => setState({ palette: { at: viewCentre() } }),
  s: saveWorkflow,
  o: chooseFile,
};

/** Commands of the canvas, with Ctrl. */
const ON_CANVAS: Readonly<Record<string, () => void>> = {
  z: undoStep, y: redoStep, 'shift+z': redoStep, a: selectAll, d: duplicateSelection,
  m: () => toggleSelectionMode('muted'), b: () => toggleSelectionMode('bypassed'),
};

const PLAIN: Readonly<Record<string, () => void>> = {
  delete: deleteSelection, backspace: deleteSelection, f: () => requestFit(),
};

function showTab(place: number): void {
  const id = getState().tabs[place - 1];
  if (id !== undefined) switchDocument(id);
}

function onKeyDown(event: KeyboardEvent): void {
  const key = event.key.toLowerCase();
  const typing = isTyping(event.target);
  const { palette, menu, shown, shortcuts, question } = getState();
  if (question ?? palette ?? menu ?? shown ?? (shortcuts || null)) return;
  let command: (() => void) | undefined;
  if (event.ctrlKey || event.metaKey) command = ANYWHERE[key] ?? (typing ? undefined : ON_CANVAS[event.shiftKey ? `shift+${key}` : key]);
  else if (event.altKey && /^Digit[1-9]$/.test(event.code)) command = () => showTab(Number(event.code.slice(5)));
  else if (!typing && !event.altKey) command = PLAIN[key];
  if (!command) return;
  event.preventDefault();
  command();
}

function onCopy(event: ClipboardEvent): void {
  if (isTyping(event.target) || (getSelection()?.toString() ?? '') !== '') return;
  const text = copySelection();
  if (text === '') return;
  event.preventDefault();
  event.clipboardData?.setData('text/plain', text);
  if (event.type === 'cut') deleteSelection();
}

function onPaste(event: ClipboardEvent): void {
  if (isTyping(event.target)) return;
  const copied = readClipboard(event.clipboardData?.getData('text/plain') ?? '', getState().schema);
  if (!copied) return;
  event.preventDefault();
  paste(copied, viewCentre());
}

/** Keyboard commands and the clipboard. */
export function useKeys(): void {
  useEffect(() => {
    window.addEventListener('keydown', onKeyDown);
    document.addEventListener('copy', onCopy);
    document.addEventListener('cut', onCopy);
    document.addEventListener('paste', onPaste);
    return () => {
      window.removeEventListener('keydown', onKeyDown);
      document.removeEventListener('copy', onCopy);
      document.removeEventListener('cut', onCopy);
      document.removeEventListener('paste', onPaste);
    };
  }, []);
}
