import { lazy, Suspense } from 'react';
import { useStore } from '../state/store';

const SettingsDialog = lazy(() => import('./SettingsDialog').then((module) => ({ default: module.SettingsDialog })));

/** What the user can choose; fetched when it is first opened. */
export function Settings() {
  const page = useStore((s) => s.settings);
  return page && <Suspense fallback={null}><SettingsDialog page={page} /></Suspense>;
}
