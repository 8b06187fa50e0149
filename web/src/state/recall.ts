/** After the page was loaded anew: what the cards show of their last run comes from the server. */
import { ServerError } from '../api/client';
import { imagesOf, textOf } from '../api/decode';
import { fetchJobEvents } from '../api/jobs';
import { failureIn, pastOf, warningsIn, type JobEvent, type NodePast } from '../graph/jobEvents';
import { problemOfRun, problemOfWarning, type Problem } from '../graph/problems';
import { documentOf, patchDocument } from './documents';
import { settledRuns, WAITING } from './runs';
import { getState, type Job, type NodeRun, type State } from './store';

/** The run of a document that the server began last. */
function lastJobOf({ owners, jobs }: State, document: string): Job | undefined {
  const begun = jobs.filter((job) => owners[job.id] === document && job.startedAt > 0);
  return begun.sort((a, b) => b.startedAt - a.startedAt)[0];
}

function runOf({ state, at, seconds, reason, output }: NodePast): NodeRun {
  // The event tells when, by a clock that need not be this one's; a node cannot have begun later than now.
  const startedAt = state === 'running' ? performance.now() - Math.max(Date.now() - at, 0) : 0;
  return { ...WAITING, state, startedAt, elapsedMs: seconds * 1000, reason, images: imagesOf(output), text: textOf(output) };
}

function problemsIn(events: readonly JobEvent[], job: string): Problem[] {
  const failure = failureIn(events, job);
  const warnings = warningsIn(events).map(({ node, message }) => problemOfWarning(node, message));
  return failure ? [problemOfRun(failure), ...warnings] : warnings;
}

async function recall(document: string, { id, state }: Job): Promise<void> {
  const events = await fetchJobEvents(id);
  const held = documentOf(getState(), document);
  const { begun } = getState();
  // A run that began meanwhile has told of itself.
  if (!held || (begun !== null && begun !== id)) return;
  const past = Object.fromEntries(Object.entries(pastOf(events)).map(([node, entry]) => [node, runOf(entry)]));
  const told = new Set(held.reported.map(({ key }) => key));
  patchDocument(document, {
    // What came over the socket meanwhile is newer.
    runs: { ...(state === 'running' ? past : settledRuns(past)), ...held.runs },
    reported: [...held.reported, ...problemsIn(events, id).filter(({ key }) => !told.has(key))],
  });
}

/** Ask for the last run of each open document; what the server does not know any more stays unknown. */
export async function recallRuns(): Promise<void> {
  for (const document of getState().tabs) {
    const job = lastJobOf(getState(), document);
    try {
      if (job) await recall(document, job);
    } catch (error) {
      if (!(error instanceof ServerError)) throw error;
    }
  }
}
