import { lazy, Suspense } from 'react';
import { useStore } from '../state/store';

const VersionsDialog = lazy(() => import('./VersionsDialog').then((module) => ({ default: module.VersionsDialog })));

/** The earlier versions of a saved workflow; fetched when they are asked for. */
export function Versions() {
  const name = useStore((s) => s.versionsOf);
  return name !== null && <Suspense fallback={null}><VersionsDialog key={name} name={name} /></Suspense>;
}
