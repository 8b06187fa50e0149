import { useEffect, type RefObject } from 'react';

const HELD_MS = 500;
const STILL_PX = 10;

/** A finger that rests opens the menu, as the right button of a mouse does. */
export function useLongPress(area: RefObject<HTMLElement | null>, open: (target: Element, x: number, y: number) => void): void {
  useEffect(() => {
    const element = area.current;
    if (!element) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let start = { x: 0, y: 0 };
    const stop = (): void => clearTimeout(timer);
    const onDown = (event: PointerEvent): void => {
      stop();
      const { target } = event;
      if (event.pointerType !== 'touch' || !event.isPrimary || !(target instanceof Element) || target.closest('input, textarea, select')) return;
      start = { x: event.clientX, y: event.clientY };
      timer = setTimeout(() => open(target, start.x, start.y), HELD_MS);
    };
    const onMove = (event: PointerEvent): void => {
      if (Math.hypot(event.clientX - start.x, event.clientY - start.y) > STILL_PX) stop();
    };
    element.addEventListener('pointerdown', onDown, true);
    for (const name of ['pointerup', 'pointercancel'] as const) element.addEventListener(name, stop, true);
    element.addEventListener('pointermove', onMove, true);
    return () => {
      stop();
      element.removeEventListener('pointerdown', onDown, true);
      for (const name of ['pointerup', 'pointercancel'] as const) element.removeEventListener(name, stop, true);
      element.removeEventListener('pointermove', onMove, true);
    };
  }, [area, open]);
}
