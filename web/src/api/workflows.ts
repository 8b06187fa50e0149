/** Workflows kept on the server, each known by its name and by the ETag of its content. */
import { asList, isObject, type Json } from '../graph/json';
import { bodyOf, getJson, refused, request } from './client';
import type { components } from './schema.gen';

/** A workflow as it is on the server. */
export interface SavedFile {
  name: string;
  etag: string;
}

/** How a change went: the new ETag, or `conflict` where the server holds something else than was expected. */
export type Change = { etag: string } | 'conflict';

export type WorkflowVersion = components['schemas']['WorkflowVersion'];

function address(name: string): string {
  return `/v1/workflows/${name.split('/').map(encodeURIComponent).join('/')}`;
}

/** `GET /v1/workflows/{name}`: a saved workflow or an example. */
export async function fetchWorkflow(name: string): Promise<{ document: Json; etag: string }> {
  const response = await request(address(name));
  if (!response.ok) throw await refused(address(name), response);
  return { document: await bodyOf(response), etag: response.headers.get('ETag') ?? '' };
}

/** What a change needs to find there: a content by its ETag, nothing, or whatever there is. */
function condition(expected: string | null): Record<string, string> {
  return expected === null ? { 'If-None-Match': '*' } : { 'If-Match': expected };
}

/** `PUT /v1/workflows/{name}`: save, where the server holds what is expected; null: nothing yet. */
export async function putWorkflow(name: string, text: string, expected: string | null): Promise<Change> {
  const headers = { 'Content-Type': 'application/json', ...condition(expected) };
  const response = await request(address(name), { method: 'PUT', headers, body: text });
  if (response.status === 412) return 'conflict';
  if (!response.ok) throw await refused(address(name), response);
  return { etag: response.headers.get('ETag') ?? '' };
}

/** `DELETE /v1/workflows/{name}`. Returns whether it was as expected, and is gone. */
export async function deleteWorkflow(name: string, expected: string): Promise<boolean> {
  const response = await request(address(name), { method: 'DELETE', headers: condition(expected) });
  if (response.status === 412) return false;
  if (!response.ok && response.status !== 404) throw await refused(address(name), response);
  return true;
}

/** `GET /v1/workflow_versions`: earlier contents, newest first. */
export async function fetchVersions(name: string): Promise<WorkflowVersion[]> {
  return asList(await getJson(`/v1/workflow_versions?${new URLSearchParams({ name }).toString()}`)).filter(isObject)
    .map((entry) => ({ saved_ms: Number(entry['saved_ms']), size_bytes: Number(entry['size_bytes']) }));
}

/** `GET /v1/workflow_versions/{saved_ms}/{name}`: one of them. */
export function fetchVersion(name: string, savedMs: number): Promise<Json> {
  return getJson(address(name).replace('/v1/workflows/', `/v1/workflow_versions/${savedMs}/`));
}
