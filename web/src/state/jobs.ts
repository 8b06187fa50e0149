/** The queue and the history, as the server keeps them. */
import { fetchDevices, fetchHistory, fetchQueue, ServerError } from '../api/client';
import { imagesOf } from '../api/decode';
import { asList, asObject, asText, type Json } from '../graph/json';
import { TEXT } from '../text';
import { settleAllRuns } from './runs';
import { getState, setState, type Job } from './store';

function nameOf(workflow: Json | undefined): string {
  const name = asObject(asObject(asObject(workflow)['extra'])['sd35graph'])['name'];
  return asText(name) || TEXT.untitled;
}

/** A job from `[number, id, prompt, extra_data, outputs]`. */
function jobOf(entry: Json, state: Job['state']): Job {
  const [number, id, prompt, extraData] = asList(entry);
  const workflow = asObject(asObject(extraData)['extra_pnginfo'])['workflow'] ?? null;
  return {
    id: asText(id), title: nameOf(workflow), state, number: Number(number), startedAt: 0, durationMs: 0, images: [],
    nodes: Object.keys(asObject(prompt)).length, cached: 0, error: '', progress: '', fraction: 0, workflow,
  };
}

type Messages = Readonly<Record<string, ReturnType<typeof asObject>>>;

function messagesOf(status: Json | undefined): Messages {
  const entries = asList(asObject(status)['messages']).map((message): [string, ReturnType<typeof asObject>] => {
    const [name, data] = asList(message);
    return [asText(name), asObject(data)];
  });
  return Object.fromEntries(entries);
}

function finishedJob(entry: Json): Job {
  const { prompt, outputs, status } = asObject(entry);
  const messages = messagesOf(status);
  const end = messages['execution_success'] ?? messages['execution_error'] ?? messages['execution_interrupted'];
  const start = messages['execution_start']?.['timestamp'];
  const error = messages['execution_error'];
  const state = messages['execution_interrupted'] ? 'cancelled' : error || asObject(status)['status_str'] === 'error' ? 'failed' : 'done';
  const stop = end?.['timestamp'];
  return {
    ...jobOf(prompt ?? null, state),
    images: Object.values(asObject(outputs)).flatMap(imagesOf),
    startedAt: typeof start === 'number' ? start : 0,
    durationMs: typeof start === 'number' && typeof stop === 'number' ? stop - start : 0,
    cached: asList(messages['execution_cached']?.['nodes']).length,
    error: asText(error?.['exception_message']).trim(),
  };
}

/** Fetch queue and history anew; what is known of the running job's progress stays. */
export async function refreshJobs(): Promise<void> {
  try {
    const [queue, history, devices] = await Promise.all([fetchQueue(), fetchHistory(), fetchDevices()]);
    const known = new Map(getState().jobs.map((job) => [job.id, job]));
    const open = [
      ...queue.pending.map((entry) => jobOf(entry, 'waiting')), ...queue.running.map((entry) => jobOf(entry, 'running')),
    ].map((job) => ({ ...job, ...pick(known.get(job.id)), state: job.state }));
    const ids = new Set(open.map((job) => job.id));
    const done = Object.values(history).map(finishedJob).filter((job) => !ids.has(job.id));
    const jobs = [...open, ...done].sort((a, b) => b.number - a.number);
    const running = jobs.find((job) => job.state === 'running');
    if (open.length === 0) settleAllRuns();
    setState({ jobs, devices, current: running?.id ?? null, queueRemaining: open.length });
  } catch (error) {
    // A lost connection shows in the status line and is retried there; the list stays as it was.
    if (!(error instanceof ServerError)) throw error;
  }
}

function pick(job: Job | undefined): Partial<Job> {
  if (!job) return {};
  const { startedAt, progress, fraction, images, cached } = job;
  return { startedAt, progress, fraction, images, cached };
}
