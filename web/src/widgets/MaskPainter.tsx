import { lazy, Suspense } from 'react';
import { useStore } from '../state/store';

const MaskDialog = lazy(() => import('./MaskDialog').then((module) => ({ default: module.MaskDialog })));

/** The mask painter, fetched when it is first wanted. */
export function MaskPainter() {
  const painting = useStore((s) => s.painting);
  if (!painting) return null;
  return <Suspense fallback={null}><MaskDialog {...painting} /></Suspense>;
}
