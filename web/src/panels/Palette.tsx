import { lazy, Suspense, useEffect } from 'react';
import { useStore } from '../state/store';

const load = () => import('./PaletteDialog');
const FindDialog = lazy(() => import('./FindDialog').then((module) => ({ default: module.FindDialog })));
const PaletteDialog = lazy(() => load().then((module) => ({ default: module.PaletteDialog })));

/** Search for what to add, do or open, or for what is there; opened by double-click, Ctrl + K, the + button or a link dropped on empty space. */
export function Palette() {
  const request = useStore((s) => s.palette);
  // Fetched once the page stands, so that it is there when it is wanted.
  useEffect(() => {
    const timer = setTimeout(() => void load(), 300);
    return () => clearTimeout(timer);
  }, []);
  return request && <Suspense fallback={null}>{request.finds === true ? <FindDialog /> : <PaletteDialog request={request} />}</Suspense>;
}
