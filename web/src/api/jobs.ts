/** Jobs and the queue: the routes under `/v1`. Every function throws {@link ServerError}. */
import { asList, asObject, asText, isObject, type Json, type JsonObject } from '../graph/json';
import { CAUGHT_UP, readEvents, type JobEvent } from '../graph/jobEvents';
import { getJson, refused, request, send } from './client';
import type { ArtifactRef, JobSummary, QueueState } from './wire';

type JobState = JobSummary['state'];
const OPEN: readonly JobState[] = ['pending', 'running'];
const ENDED: readonly JobState[] = ['succeeded', 'failed', 'cancelled'];
/** As many of those that wait and run as one answer may hold. */
const MOST_OPEN = 200;
export const PAGE = 50;

function isState(value: unknown): value is JobState {
  return [...OPEN, ...ENDED].some((state) => state === value);
}

function artifactOf(value: Json): ArtifactRef {
  const { node, name, subfolder, folder, url } = asObject(value);
  return { node: asText(node), name: asText(name), subfolder: asText(subfolder), folder: asText(folder), url: asText(url) };
}

function textOrNull(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** A job of a list, with what the editor shows of it. */
export type ListedJob = Pick<JobSummary, 'id' | 'state' | 'priority' | 'created' | 'started' | 'ended' | 'title' | 'nodes' | 'client_id' | 'error' | 'artifacts'>;

function jobOf(value: JsonObject): ListedJob {
  const { id, state, priority, created, started, ended, title, nodes, client_id, error, artifacts } = value;
  return {
    id: asText(id), state: isState(state) ? state : 'failed', priority: Number(priority), created: asText(created), started: textOrNull(started),
    ended: textOrNull(ended), title: textOrNull(title), nodes: Number(nodes), client_id: textOrNull(client_id),
    error: isObject(error) ? error : null, artifacts: asList(artifacts).map(artifactOf),
  };
}

interface Page {
  jobs: ListedJob[];
  /** What the next part is asked with; null after the last. */
  next: string | null;
}

async function page(states: readonly JobState[], limit: number, cursor: string | null = null): Promise<Page> {
  const query = new URLSearchParams(states.map((state) => ['state', state]));
  query.set('limit', String(limit));
  if (cursor !== null) query.set('cursor', cursor);
  const { jobs, next } = asObject(await getJson(`/v1/jobs?${query.toString()}`));
  return { jobs: asList(jobs).filter(isObject).map(jobOf), next: textOrNull(next) };
}

/** `GET /v1/jobs`: those that wait and run. */
export async function fetchOpenJobs(): Promise<ListedJob[]> {
  return (await page(OPEN, MOST_OPEN)).jobs;
}

/** `GET /v1/jobs`: a part of those that have ended, the newest first. */
export function fetchEndedJobs(cursor: string | null = null): Promise<Page> {
  return page(ENDED, PAGE, cursor);
}

/** What a job was made of: the graph in API form, and the editor's document where that was sent. */
export interface JobSource {
  prompt: JsonObject;
  workflow: JsonObject | null;
}

/** `GET /v1/jobs/{id}`. */
export async function fetchJobSource(id: string): Promise<JobSource> {
  const { prompt, workflow, extra_data } = asObject(await getJson(`/v1/jobs/${encodeURIComponent(id)}`));
  const sent = asObject(asObject(extra_data)['extra_pnginfo'])['workflow'];
  const document = isObject(sent) ? sent : workflow;
  return { prompt: asObject(prompt), workflow: isObject(document) ? document : null };
}

/** `GET /v1/jobs/{id}/events`: all that has happened to a job so far. */
export async function fetchJobEvents(id: string): Promise<JobEvent[]> {
  const path = jobRoute(id, '/events');
  const response = await request(path);
  if (!response.ok) throw await refused(path, response);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (reader && !text.includes(CAUGHT_UP)) {
    const { value, done } = await reader.read();
    if (done) break;
    text += value;
  }
  // The stream of a job that runs goes on; the rest comes over the socket.
  await reader?.cancel();
  return readEvents(text);
}

/** `GET /v1/queue`: the order, and whether more is started. */
export async function fetchQueueState(): Promise<Pick<QueueState, 'paused' | 'pending' | 'running' | 'pending_ids'>> {
  const { paused, pending, running, pending_ids } = asObject(await getJson('/v1/queue'));
  return { paused: paused === true, pending: Number(pending), running: Number(running), pending_ids: asList(pending_ids).map((id) => asText(id)) };
}

function jobRoute(id: string, action = ''): string {
  return `/v1/jobs/${encodeURIComponent(id)}${action}`;
}

/** Cancel a job that waits or runs. */
export const cancelJob = (id: string): Promise<void> => send('POST', jobRoute(id, '/cancel'));

/** Queue an ended job once more. */
export const retryJob = (id: string): Promise<void> => send('POST', jobRoute(id, '/retry'));

/** Take an ended job out of the history. */
export const deleteJob = (id: string): Promise<void> => send('DELETE', jobRoute(id));

/** Another place in the queue: before a job, with null the last; or another priority. */
export const moveJob = (id: string, change: { before: string | null } | { priority: number }): Promise<void> => send('PATCH', jobRoute(id), change);

/** Start no more jobs, or start them again. */
export const pauseQueue = (paused: boolean): Promise<void> => send('POST', paused ? '/v1/queue/pause' : '/v1/queue/resume');
