import { useEffect } from 'react';
import { chordOf } from '../commands/chords';
import { commandOf, isEnabled, type Command } from '../commands/registry';
import { select } from '../state/arranging';
import { copySelection, deleteSelection } from '../state/edits';
import { switchDocument } from '../state/documents';
import { pasteFrom } from '../state/pasting';
import { getState, setState } from '../state/store';
import { cardOf } from './focus';
import { cancelDrag } from './useChanges';
import { cancelConnecting } from './useConnecting';

/** Whether keys belong to a field that is being edited. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Enter and Escape belong to what has the focus, unless a command can do something with them now. */
function isLeftAlone(chord: string, target: EventTarget | null, isUseful: boolean): boolean {
  if (chord !== 'Enter' && chord !== 'Escape') return false;
  const onButton = target instanceof Element && target.closest('button, [role=button], a') !== null;
  return !isUseful || (onButton && chord === 'Enter');
}

function showDocument(place: number): void {
  const id = getState().tabs[place - 1];
  if (id !== undefined) switchDocument(id);
}

/** A dialog or menu has the keys for itself, also one that is still being loaded. */
function isCovered(): boolean {
  const { palette, settings, templatesShown } = getState();
  return palette !== null || settings !== null || templatesShown || document.querySelector('dialog[open], [role="dialog"], [role="menu"]') !== null;
}

/** A command for the selection is meant for the card that has the focus where nothing is selected. */
function takeFocused(command: Command, target: EventTarget | null): void {
  const id = cardOf(target)?.getAttribute('data-id');
  const state = getState();
  // What Delete takes must be seen to be selected: after it, the focus goes to the next card.
  if (!id || command.id === 'remove' || target !== cardOf(target) || state.selection.size > 0 || isEnabled(command, state)) return;
  const selection = new Set([id]);
  if (isEnabled(command, { ...state, selection })) setState({ selection, linkSelection: new Set() });
}

function onKeyDown(event: KeyboardEvent): void {
  const chord = chordOf(event);
  if (chord === undefined || event.isComposing || isCovered()) return;
  const place = /^Alt\+([1-9])$/.exec(chord)?.[1];
  const command = commandOf(chord, getState());
  if (command && isTyping(event.target) && command.typing !== true) return;
  if (!command && place === undefined) return;
  if (chord === 'Escape' && event.target === document.body && getState().selection.size > 0) {
    select([]);
    return;
  }
  if (command) takeFocused(command, event.target);
  if (isLeftAlone(chord, event.target, command !== undefined && isEnabled(command, getState()))) return;
  event.preventDefault();
  if (place !== undefined) showDocument(Number(place));
  else if (command && isEnabled(command, getState())) command.run();
}

/** Before the canvas, for which Enter with Ctrl takes a card out of the selection. */
function onRunKeys(event: KeyboardEvent): void {
  // Escape ends what the pointer is doing, and nothing else.
  if (event.key === 'Escape' && (cancelDrag() || cancelConnecting())) event.stopPropagation();
  if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
  onKeyDown(event);
  if (event.defaultPrevented) event.stopPropagation();
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
  if (isTyping(event.target) || isCovered() || !event.clipboardData) return;
  if (pasteFrom(event.clipboardData)) event.preventDefault();
}

/** Keyboard commands and the clipboard. */
export function useKeys(): void {
  useEffect(() => {
    window.addEventListener('keydown', onRunKeys, true);
    window.addEventListener('keydown', onKeyDown);
    document.addEventListener('copy', onCopy);
    document.addEventListener('cut', onCopy);
    document.addEventListener('paste', onPaste);
    return () => {
      window.removeEventListener('keydown', onRunKeys, true);
      window.removeEventListener('keydown', onKeyDown);
      document.removeEventListener('copy', onCopy);
      document.removeEventListener('cut', onCopy);
      document.removeEventListener('paste', onPaste);
    };
  }, []);
}
