/** Running the workflow and stopping it. */
import { deleteFromQueue, postInterrupt, postPrompt, ServerError } from '../api/client';
import { withName } from '../graph/clipboard';
import { asObject, type Json } from '../graph/json';
import { problemsOfReply, type Problem } from '../graph/problems';
import { toEditorForm } from '../graph/save';
import { advanceSeeds } from '../graph/seeds';
import { toApiForm } from '../graph/serialize';
import { TEXT } from '../text';
import { endGesture } from './edits';
import { markWaiting } from './runs';
import { getState, isDirty, setState, type Job } from './store';
import { notify, report, showTab } from './ui';

// Not crypto.randomUUID: browsers withhold it from pages served over plain HTTP by another machine.
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const CLIENT_KEY = 'sd35graph.client';

/** The tab's own id: kept over a reload, so that a run under way goes on reporting here. */
export function ownId(): string {
  const id = sessionStorage.getItem(CLIENT_KEY) ?? randomId();
  sessionStorage.setItem(CLIENT_KEY, id);
  return id;
}

/** Identifies this page to the server. */
export const CLIENT_ID = ownId();

function newJob(id: string, number: number, nodes: number, workflow: Json): Job {
  return {
    id, title: getState().name, state: 'waiting', number, startedAt: 0, durationMs: 0, images: [], nodes, cached: 0, error: '',
    progress: '', fraction: 0, workflow,
  };
}

/** Seeds move on for the next run; that is no edit of the user's: no undo step, and no unsaved change. */
function moveSeedsOn(): void {
  const state = getState();
  const graph = advanceSeeds(state.graph, state.schema, Math.random);
  setState({ graph, saved: isDirty(state) ? state.saved : graph });
}

/** Submit the graph once. Returns whether the server took it. */
async function submit(): Promise<boolean> {
  const { graph, schema, name } = getState();
  const prompt = toApiForm(graph, schema);
  const workflow = toEditorForm(withName(graph, name), schema);
  const before = getState().reported;
  const reply = await postPrompt({ prompt, client_id: CLIENT_ID, extra_data: { extra_pnginfo: { workflow } } });
  const problems: Problem[] = problemsOfReply(reply.body, graph, schema, TEXT.problem);
  // A short run may have begun, and even ended, before its reply is here: what it reported stays.
  report([...problems, ...getState().reported.filter((problem) => !before.includes(problem))]);
  if (!reply.accepted) {
    showTab('problems');
    notify(TEXT.notes.refused, true);
    return false;
  }
  const known = getState().jobs.some((job) => job.id === reply.promptId);
  const number = Number(asObject(reply.body)['number'] ?? 0);
  if (!known) setState({ jobs: [newJob(reply.promptId, number, Object.keys(prompt).length, workflow), ...getState().jobs] });
  if (getState().current === null && getState().begun !== reply.promptId) markWaiting(Object.keys(prompt));
  moveSeedsOn();
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
