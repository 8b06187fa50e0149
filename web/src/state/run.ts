/** Running the workflow. */
import { postPrompt, ServerError } from '../api/client';
import { withName } from '../graph/clipboard';
import { runPrefix } from '../graph/levels';
import type { Graph } from '../graph/model';
import { WorkflowError } from '../graph/parse';
import type { Problem } from '../graph/problems';
import { complains, problemsOfReply } from '../graph/reply';
import { toEditorForm } from '../graph/document';
import type { Json } from '../graph/json';
import type { Schema } from '../graph/schema';
import { advanceSeeds } from '../graph/seeds';
import { toApiForm } from '../graph/serialize';
import { withSubgraphs } from '../graph/subgraphSpec';
import { neededBy, outputsOf } from '../graph/targets';
import { TEXT } from '../text';
import { problemWords } from '../text/later';
import { CLIENT_ID } from './client';
import { documentOf, patchDocument } from './documents';
import { endGesture } from './edits';
import { randomUuid } from './ids';
import { addJob } from './jobs';
import { documentOfJob, isShown, ownJob, patchJobDocument } from './owners';
import { markWaiting } from './runs';
import { getState, isDirty, setState, type Job, type State } from './store';
import { notify, showTab } from './ui';

function newJob(id: string, title: string, nodes: number): Job {
  return {
    id, title, state: 'waiting', own: true, priority: 0, startedAt: 0, durationMs: 0, images: [], nodes, cached: 0, error: '', progress: '', fraction: 0,
  };
}

/** What is asked of a run. */
export interface RunWish {
  /** Before everything that waits. */
  front?: boolean;
  /** Only these output nodes and what they need. */
  targets?: readonly string[];
  /** The document to run, whichever is shown when its turn comes; where none is named, the one that is shown. */
  document?: string;
  /** Nobody pressed a button: refusals are listed, and no panel opens for them. */
  quiet?: boolean;
}

/** Names a seed of a document. */
export function seedKey(document: string, node: string, input: string): string {
  return [document, node, input].join('/');
}

function seedsOf(graph: Graph, document: string): State['usedSeeds'] {
  const seeds = Object.values(graph.nodes).flatMap(({ id, controls, values }) => Object.keys(controls).map((input) => [seedKey(document, id, input), values[input] ?? null] as const));
  return Object.fromEntries(seeds);
}

/** Seeds move on for the next run; that is no edit of the user's: no undo step, and no unsaved change. */
function moveSeedsOn(id: string): void {
  const state = getState();
  const held = documentOf(state, id);
  if (!held) return;
  const graph = advanceSeeds(held.graph, state.schema, Math.random);
  setState({ usedSeeds: { ...state.usedSeeds, ...seedsOf(held.graph, id) } });
  // A field may have the focus in which nothing was typed yet: leaving it must then make no step.
  const gesture = held.gesture === held.graph ? graph : held.gesture;
  patchDocument(id, { graph, gesture, saved: isDirty(held) ? held.saved : graph });
}

/** Say that the server did not take a run, and show why where its document is shown. */
function tellRefused(job: string, name: string, quiet: boolean): void {
  if (isShown(job) && !quiet) showTab('problems');
  notify(isShown(job) ? TEXT.notes.refused : TEXT.notes.failedElsewhere(name), true);
}

/** What a reply complains of, in words that are fetched for it. */
async function problemsIn(reply: Json, graph: Graph, schema: Schema): Promise<Problem[]> {
  return complains(reply) ? problemsOfReply(reply, graph, schema, await problemWords(getState().language)) : [];
}

/** Submit a document's graph once. Returns whether the server took it. */
export async function submit({ front = false, targets, quiet = false, document: id = getState().active }: RunWish = {}): Promise<boolean> {
  const held = documentOf(getState(), id);
  if (!held) return false; // closed before its turn came
  const { graph, name, reported: before } = held;
  const schema = withSubgraphs(getState().schema, graph.subgraphs);
  const job = randomUuid();
  ownJob(job, id);
  const prompt = toApiForm(graph, schema);
  const workflow = toEditorForm(withName(graph, name), schema);
  const chosen = targets ? { partial_execution_targets: [...targets] } : {};
  const reply = await postPrompt({ prompt, prompt_id: job, client_id: CLIENT_ID, extra_data: { extra_pnginfo: { workflow } }, front, ...chosen });
  const problems = await problemsIn(reply.body, graph, schema);
  // A short run may have begun, and even ended, before its reply is here: what it reported stays.
  const told = documentOfJob(job)?.reported.filter((problem) => !before.includes(problem)) ?? [];
  patchJobDocument(job, { reported: [...problems, ...told] });
  if (!reply.accepted) {
    tellRefused(job, name, quiet);
    return false;
  }
  const nodes = Object.keys(prompt);
  addJob(newJob(job, name, nodes.length));
  if (getState().current === null && getState().begun !== job) markWaiting(job, targets ? neededBy(prompt, targets) : nodes);
  moveSeedsOn(id);
  if (!quiet || problems.length > 0) notify(problems.length > 0 ? TEXT.notes.partly : TEXT.notes.queued, problems.length > 0);
  return true;
}

/** The submission under way, after which the next one goes. */
const line: { last: Promise<unknown> } = { last: Promise.resolve() };

/** Submit once what was asked for before is: each run takes the seeds that the one before it left. */
function submitInLine(wish: RunWish): Promise<boolean> {
  const submitted = line.last.then(() => submit(wish));
  line.last = submitted.catch(() => undefined);
  return submitted;
}

/** Submit as many runs as chosen; stops at the first refusal. */
export async function runWorkflow(wish: RunWish = {}): Promise<void> {
  // Leaving the field commits a number half typed; coming back lets the user type on.
  const field = document.activeElement;
  if (field instanceof HTMLElement) field.blur();
  endGesture();
  if (field instanceof HTMLElement) field.focus({ preventScroll: true });
  try {
    const { copies, active } = getState();
    for (let i = 0; i < copies; i++) if (!(await submitInLine({ ...wish, document: active }))) return;
  } catch (error) {
    notify(errorSentence(error), true);
  }
}

/** Run only the outputs that are selected, or that the selected nodes lead to. */
export async function runSelected(): Promise<void> {
  const { graph, schema, selection } = getState();
  const targets = outputsOf(graph, schema, selection).map((id) => runPrefix(graph) + id);
  if (targets.length > 0) await runWorkflow({ targets });
  else notify(TEXT.running.noOutputs, true);
}

/** The sentence of a server's refusal or of a document that is no workflow; anything else is a fault of ours and is thrown on. */
export function errorSentence(error: unknown): string {
  if (error instanceof ServerError) return error.message;
  if (error instanceof WorkflowError) return TEXT.errors.workflow[error.code](error.subject);
  throw error;
}
