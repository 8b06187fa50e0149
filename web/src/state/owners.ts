/** Which document a run was started from; what it reports belongs there, whichever document is shown meanwhile. */
import { tabStore } from '../api/storage';
import { documentOf, patchDocument } from './documents';
import { getState, setState, type DocumentState, type State } from './store';

const OWNERS_KEY = 'sd35graph.owners';
/** Older runs than these have long ended. */
const KEPT = 200;

/** The runs that were started from this tab before it was loaded anew: they may go on. */
export function readOwners(): State['owners'] {
  return JSON.parse(tabStore.getItem(OWNERS_KEY) ?? '{}') as State['owners'];
}

/** Remember where a job belongs. To be called before it is submitted, since a short one may end before the reply. */
export function ownJob(job: string, document: string): void {
  const owners = Object.fromEntries([...Object.entries(getState().owners), [job, document] as const].slice(-KEPT));
  tabStore.setItem(OWNERS_KEY, JSON.stringify(owners));
  setState({ owners });
}

/** The document of a job as it stands now; undefined where it was closed or belongs to another window. */
export function documentOfJob(job: string): DocumentState | undefined {
  const state = getState();
  const owner = state.owners[job];
  return owner === undefined ? undefined : documentOf(state, owner);
}

/** Change the document of a job, if it is open here. */
export function patchJobDocument(job: string, change: Partial<DocumentState>): void {
  const owner = getState().owners[job];
  if (owner !== undefined) patchDocument(owner, change);
}

/** Whether the job's document is the one that is shown. */
export function isShown(job: string): boolean {
  const { owners, active } = getState();
  return owners[job] === active;
}
