/** Running the workflow and stopping it. */
import { deleteFromQueue, postInterrupt, postPrompt, ServerError } from '../api/client';
import { withName } from '../graph/clipboard';
import { asObject, type Json } from '../graph/json';
import { problemsOfReply, type Problem } from '../graph/problems';
import { toEditorForm } from '../graph/document';
import { advanceSeeds } from '../graph/seeds';
import { toApiForm } from '../graph/serialize';
import { TEXT } from '../text';
import { documentOf, patchDocument } from './documents';
import { endGesture } from './edits';
import { randomUuid } from './ids';
import { documentOfJob, ownJob, patchJobDocument } from './owners';
import { markWaiting } from './runs';
import { getState, isDirty, setState, type Job } from './store';
import { notify, showTab } from './ui';

const CLIENT_KEY = 'sd35graph.client';

/** The tab's own id: kept over a reload, so that a run under way goes on reporting here. */
export function ownId(): string {
  const id = sessionStorage.getItem(CLIENT_KEY) ?? randomUuid();
  sessionStorage.setItem(CLIENT_KEY, id);
  return id;
}

/** Identifies this page to the server. */
export const CLIENT_ID = ownId();

function newJob(id: string, title: string, number: number, nodes: number, workflow: Json): Job {
  return {
    id, title, state: 'waiting', number, startedAt: 0, durationMs: 0, images: [], nodes, cached: 0, error: '',
    progress: '', fraction: 0, workflow,
  };
}

/** Seeds move on for the next run; that is no edit of the user's: no undo step, and no unsaved change. */
function moveSeedsOn(id: string): void {
  const state = getState();
  const held = documentOf(state, id);
  if (!held) return;
  const graph = advanceSeeds(held.graph, state.schema, Math.random);
  patchDocument(id, { graph, saved: isDirty(held) ? held.saved : graph });
}

/** Submit the graph once. Returns whether the server took it. */
async function submit(): Promise<boolean> {
  const { graph, schema, name, active, reported: before } = getState();
  const job = randomUuid();
  ownJob(job, active);
  const prompt = toApiForm(graph, schema);
  const workflow = toEditorForm(withName(graph, name), schema);
  const reply = await postPrompt({ prompt, prompt_id: job, client_id: CLIENT_ID, extra_data: { extra_pnginfo: { workflow } } });
  const problems: Problem[] = problemsOfReply(reply.body, graph, schema, TEXT.problem);
  // A short run may have begun, and even ended, before its reply is here: what it reported stays.
  const told = documentOfJob(job)?.reported.filter((problem) => !before.includes(problem)) ?? [];
  patchJobDocument(job, { reported: [...problems, ...told] });
  if (!reply.accepted) {
    showTab('problems');
    notify(TEXT.notes.refused, true);
    return false;
  }
  const known = getState().jobs.some(({ id }) => id === job);
  const number = Number(asObject(reply.body)['number'] ?? 0);
  if (!known) setState({ jobs: [newJob(job, name, number, Object.keys(prompt).length, workflow), ...getState().jobs] });
  if (getState().current === null && getState().begun !== job) markWaiting(job, Object.keys(prompt));
  moveSeedsOn(active);
  notify(problems.length > 0 ? TEXT.notes.partly : TEXT.notes.queued, problems.length > 0);
  return true;
}

/** Submit as many runs as chosen; stops at the first refusal. */
export async function runWorkflow(): Promise<void> {
  // Leaving the field commits a number half typed; coming back lets the user type on.
  const field = document.activeElement;
  if (field instanceof HTMLElement) field.blur();
  endGesture();
  if (field instanceof HTMLElement) field.focus({ preventScroll: true });
  try {
    for (let i = 0; i < getState().copies; i++) if (!(await submit())) return;
  } catch (error) {
    notify(errorSentence(error), true);
  }
}

/** Stop what runs now. */
export async function cancelRun(): Promise<void> {
  try {
    await postInterrupt(getState().current);
  } catch (error) {
    notify(errorSentence(error), true);
  }
}

/** Take a waiting job out of the queue. */
export async function dropJob(id: string): Promise<void> {
  try {
    await deleteFromQueue(id);
    setState({ jobs: getState().jobs.filter((job) => job.id !== id) });
  } catch (error) {
    notify(errorSentence(error), true);
  }
}

/** The sentence of a server error; anything else is a fault of ours and is thrown on. */
export function errorSentence(error: unknown): string {
  if (error instanceof ServerError) return error.message;
  throw error;
}
