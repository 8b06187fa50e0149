import { useEffect, useState } from 'react';
import { viewCentre } from '../state/camera';
import { openFiles } from '../state/opening';
import { getState } from '../state/store';
import { TEXT } from '../text';

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') ?? false;
}

/** A question that waits must be answered first: what it is about must not change under it. */
function isTaken(): boolean {
  return document.querySelector('dialog[open]') !== null;
}

/** Files over the page: followed until they are dropped or leave. The canvas and fields that take files have them first. */
function followFiles(show: (shown: boolean) => void): () => void {
  // Each element entered is left again, the next one is entered before that.
  let depth = 0;
  const onEnter = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    depth++;
    show(!isTaken());
  };
  const onLeave = (event: DragEvent): void => {
    if (hasFiles(event)) depth = Math.max(0, depth - 1);
    if (depth === 0) show(false);
  };
  const onOver = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    // Without this the browser would leave the page for the file.
    event.preventDefault();
    if (event.dataTransfer) event.dataTransfer.dropEffect = isTaken() ? 'none' : 'copy';
  };
  // On the way down: a field that takes the file keeps its drop from all that is around it.
  const onEnd = (): void => {
    depth = 0;
    show(false);
  };
  const onDrop = (event: DragEvent): void => {
    if (!hasFiles(event)) return;
    const isHandled = event.defaultPrevented;
    event.preventDefault();
    if (!isHandled && !isTaken()) void openFiles([...event.dataTransfer?.files ?? []], getState().simple ? undefined : viewCentre());
  };
  const listeners = [['dragenter', onEnter], ['dragleave', onLeave], ['dragover', onOver], ['drop', onDrop]] as const;
  for (const [type, listener] of listeners) window.addEventListener(type, listener);
  window.addEventListener('drop', onEnd, true);
  return () => {
    for (const [type, listener] of listeners) window.removeEventListener(type, listener);
    window.removeEventListener('drop', onEnd, true);
  };
}

/** Shown while files are held over the page, which takes them anywhere. */
export function DropTarget() {
  const [shown, setShown] = useState(false);
  useEffect(() => followFiles(setShown), []);
  if (!shown) return null;
  const { drop, dropHint } = TEXT.opening;
  return <div className="drop-target" role="status"><p><strong>{drop}</strong><span>{dropHint}</span></p></div>;
}
