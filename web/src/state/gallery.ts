/** Every finished picture, newest first. */
import type { ImageRef } from '../api/wire';
import { placePictureFile } from './upload';
import { viewCentre } from './camera';
import { getState, setState, type Job, type JobImage, type State } from './store';
import { notify } from './ui';
import { fetchPicture, isPictureThere, ServerError } from '../api/client';
import { TEXT } from '../text';

export interface Picture {
  key: string;
  image: JobImage;
  job: Job;
}

let known: { jobs: State['jobs']; pictures: readonly Picture[] } | undefined;

/** What names a picture. */
export function pictureKey({ filename, subfolder, type }: ImageRef): string {
  return [type, subfolder, filename].join('/');
}

/** Pictures of all jobs, computed once per list of jobs. */
export function pictures(state: State): readonly Picture[] {
  if (known?.jobs === state.jobs) return known.pictures;
  const list = state.jobs.flatMap((job) => job.images.map((image) => ({ key: pictureKey(image), image, job })));
  // A result that was taken from the cache is the same file once more.
  const seen = new Set<string>();
  const unique = list.filter(({ key }) => !seen.has(key) && seen.add(key));
  known = { jobs: state.jobs, pictures: unique };
  return unique;
}

/** Show a picture in full. */
export function showPicture(image: ImageRef): void {
  setState({ shown: pictureKey(image) });
}

/** Mark a picture for the comparison, or no more; of three, the one marked first goes. */
export function toggleMarked(key: string): void {
  const { marked } = getState();
  setState({ marked: marked.includes(key) ? marked.filter((other) => other !== key) : [...marked, key].slice(-2) });
}

/** Why a picture cannot be shown, where its file was, and what to do. */
export async function whyLost(image: ImageRef): Promise<string> {
  const { lost } = TEXT.pictures;
  const folder = [image.type, image.subfolder].filter(Boolean).join('/');
  try {
    if (await isPictureThere(image)) return lost.unreadable(folder);
    return image.type === 'temp' ? lost.temporary(folder) : lost.gone(folder);
  } catch (error) {
    if (error instanceof ServerError) return error.message;
    throw error;
  }
}

async function guarded(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof ServerError) && !(error instanceof DOMException)) throw error;
    notify(error.message, true);
  }
}

/** Put a picture on the clipboard, as PNG: browsers take no other form. */
export function copyPicture(image: ImageRef): Promise<void> {
  return guarded(async () => {
    // Pages that are not served by this machine itself or over HTTPS may not write pictures.
    if (!('clipboard' in navigator) || typeof ClipboardItem === 'undefined') {
      notify(TEXT.pictures.noClipboard, true);
      return;
    }
    const bitmap = await createImageBitmap(await fetchPicture(image));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': await canvas.convertToBlob({ type: 'image/png' }) })]);
    notify(TEXT.pictures.copied);
  });
}

/** A copy of a picture as the input of the selected card that loads one, else of a new one. */
export function takeAsInput(image: ImageRef): Promise<void> {
  return guarded(async () => {
    const blob = await fetchPicture(image);
    if (!(await placePictureFile(new File([blob], image.filename, { type: blob.type }), viewCentre()))) return;
    setState({ shown: null });
    notify(TEXT.pictures.used);
  });
}
