/** Every finished picture, newest first. */
import type { ImageRef } from '../api/wire';
import { getState, type Job, type State } from './store';

export interface Picture {
  image: ImageRef;
  job: Job;
}

let known: { jobs: State['jobs']; pictures: readonly Picture[] } | undefined;

/** Pictures of all jobs, computed once per list of jobs. */
export function pictures(state: State): readonly Picture[] {
  if (known?.jobs === state.jobs) return known.pictures;
  const list = state.jobs.flatMap((job) => job.images.map((image) => ({ image, job })));
  known = { jobs: state.jobs, pictures: list };
  return list;
}

/** Place of a picture in the gallery; null where it is not there. */
export function galleryIndex(image: ImageRef): number | null {
  const at = pictures(getState()).findIndex(({ image: other }) =>
    other.filename === image.filename && other.subfolder === image.subfolder && other.type === image.type);
  return at < 0 ? null : at;
}
