/**
 * Ends what the pointer does where its end is not told: the window is left, a second finger comes, the button was let go
 * elsewhere. React Flow and the d3 below it wait for an event that then never comes, and would go on with the next one.
 */
import { useStoreApi } from '@xyflow/react';
import { useEffect } from 'react';
import { useCanvasUi } from '../state/canvasUi';
import { isHeld, letGo } from '../state/holding';
import { getState, useStore } from '../state/store';
import { mark } from './mark';
import { cancelConnecting } from './useConnecting';

/** Whether the pointer moves cards, numbers or the view, or draws a link. */
export function isBusy(): boolean {
  const draws = getState().dragging !== null && useCanvasUi.getState().openLink === null;
  return isHeld() || draws || document.querySelector('.canvas')?.classList.contains('held') === true;
}

/** d3 waits for it at the window, React Flow at the document. */
function endMouse(): void {
  document.dispatchEvent(new MouseEvent('mouseup', { view: window, bubbles: true, cancelable: true }));
}

/** d3 waits for it at what was touched, React Flow at the document. */
function endTouch(touch: Touch): void {
  touch.target.dispatchEvent(new TouchEvent('touchend', { changedTouches: [touch], bubbles: true, cancelable: true }));
}

/** Cards stay where they are; a link is not made. */
function leave(end: () => void): void {
  cancelConnecting();
  letGo();
  end();
}

function onBlur(): void {
  if (isBusy()) leave(endMouse);
}

function onMove(event: PointerEvent): void {
  if (event.pointerType === 'mouse' && event.buttons === 0 && isBusy()) leave(endMouse);
}

function onTouchCancel({ isTrusted, changedTouches }: TouchEvent): void {
  if (isTrusted && isBusy()) leave(() => [...changedTouches].forEach(endTouch));
}

function isOnCard({ target }: Touch): boolean {
  return target instanceof Element && target.closest('.react-flow__node, [data-link]') !== null;
}

/** Two fingers zoom and pan, also where they are on cards: these let go, and the canvas takes both. */
function onTouchStart(event: TouchEvent): void {
  const [first, second, ...others] = event.touches;
  const pane = document.querySelector('.react-flow__pane');
  if (!event.isTrusted || !first || !second || others.length > 0 || !pane) return;
  if (!isHeld() && ![first, second].some(isOnCard)) return;
  event.stopPropagation();
  leave(() => endTouch(event.changedTouches[0] === first ? second : first));
  const touches = [first, second];
  pane.dispatchEvent(new TouchEvent('touchstart', { touches, targetTouches: touches, changedTouches: touches, bubbles: true, cancelable: true }));
}

/** What was not let go of by whoever took it, since its card is gone. */
function onPointerEnd(): void {
  if (isHeld()) setTimeout(letGo);
}

/** Listen for such ends. */
export function usePointerEnd(): void {
  const flow = useStoreApi();
  useEffect(() => {
    const over = new AbortController();
    const early = { capture: true, signal: over.signal };
    window.addEventListener('blur', onBlur, { signal: over.signal }); // that of the window; those of fields do not come up to it
    window.addEventListener('pointermove', onMove, early);
    window.addEventListener('pointerup', onPointerEnd, early);
    window.addEventListener('pointercancel', onPointerEnd, early);
    window.addEventListener('touchcancel', onTouchCancel, early);
    document.querySelector<HTMLElement>('.canvas')?.addEventListener('touchstart', onTouchStart, early);
    // At the edge the view follows what is dragged. React Flow goes on with that where a drag does not end as it expects.
    const stop = useStore.subscribe((state, before) => {
      if (state.dragging !== before.dragging) mark('let-go', state.dragging === null);
      if (state.gesture !== before.gesture) flow.setState({ autoPanOnNodeDrag: state.gesture !== null });
    });
    return () => {
      stop();
      over.abort();
    };
  }, [flow]);
}
