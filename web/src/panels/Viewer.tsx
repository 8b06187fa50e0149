import { lazy, Suspense } from 'react';
import { pictureKey, pictures } from '../state/gallery';
import { useStore } from '../state/store';

const ViewerDialog = lazy(() => import('./ViewerDialog').then((module) => ({ default: module.ViewerDialog })));

/** One picture in full, or two side by side; what it needs is fetched when the first is opened. */
export function Viewer() {
  const picture = useStore((s) => pictures(s).find(({ image }) => pictureKey(image) === s.shown));
  if (!picture) return null;
  return <Suspense fallback={null}><ViewerDialog picture={picture} /></Suspense>;
}
