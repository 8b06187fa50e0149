import { lazy, Suspense } from 'react';
import { useStore } from '../state/store';

const TemplatesDialog = lazy(() => import('./TemplatesDialog').then((module) => ({ default: module.TemplatesDialog })));

/** The template gallery; fetched when it is first opened. */
export function Templates() {
  const shown = useStore((s) => s.templatesShown);
  return shown && <Suspense fallback={null}><TemplatesDialog /></Suspense>;
}
