/** Runs the graph by itself after changes. One job at a time: what changes meanwhile runs, as it then is, after it. */
import { stringifyJson } from '../graph/json';
import { WorkflowError } from '../graph/parse';
import { toApiForm } from '../graph/serialize';
import { isOpen } from './jobs';
import { errorSentence, submit } from './run';
import { getState, setState, useStore } from './store';
import { notify } from './ui';

/** Changes come in bursts: letters of a word, steps of a drag. */
const QUIET_MS = 600;

let ran: string | null = '';
let timer: ReturnType<typeof setTimeout> | undefined;

/** What the server would run; positions and titles make no difference to it. Null where it cannot be run at all. */
function runText(): string | null {
  const { graph, schema } = getState();
  try {
    return stringifyJson(Object.entries(toApiForm(graph, schema)).map(([id, { class_type, inputs }]) => [id, class_type, inputs]));
  } catch (error) {
    if (error instanceof WorkflowError) return null; // submitting says why
    throw error;
  }
}

async function runIfChanged(): Promise<void> {
  const { runOnChange, jobs, connection } = getState();
  if (!runOnChange || connection !== 'connected' || jobs.some((job) => job.own && isOpen(job)) || runText() === ran) return;
  ran = runText();
  try {
    await submit({ quiet: true });
  } catch (error) {
    notify(errorSentence(error), true);
  }
  // Submitting moves seeds on, which is no change that calls for another run.
  ran = runText();
}

/** Run after each change from now on, or no more. */
export function setRunOnChange(runOnChange: boolean): void {
  ran = runText();
  setState({ runOnChange });
}

/** Watch the graph; the returned function stops that. */
export function runOnChanges(): () => void {
  return useStore.subscribe((state, before) => {
    // Another document is no change.
    if (!state.runOnChange) return;
    if (state.active !== before.active) ran = runText();
    if (state.graph === before.graph && state.jobs === before.jobs) return;
    clearTimeout(timer);
    timer = setTimeout(() => void runIfChanged(), QUIET_MS);
  });
}
