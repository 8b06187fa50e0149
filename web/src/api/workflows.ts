/** Workflows kept on the server, each known by its name and by the ETag of its content. */
import { asList, asObject, asText, isObject, type Json } from '../graph/json';
import { bodyOf, getJson, postJson, refused, request, send } from './client';
import type { components } from './schema.gen';

/** A workflow as it is on the server. */
export interface SavedFile {
  name: string;
  etag: string;
}

/** How a change went: the new ETag, or `conflict` where the server holds something else than was expected, `gone` where nothing. */
export type Change = { etag: string } | 'conflict' | 'gone';

export type WorkflowVersion = components['schemas']['WorkflowVersion'];
export type DeletedWorkflow = components['schemas']['DeletedWorkflow'];
export type MovedWorkflow = components['schemas']['MovedWorkflow'];

function address(name: string): string {
  return `/v1/workflows/${name.split('/').map(encodeURIComponent).join('/')}`;
}

/** `GET /v1/workflows/{name}`: a saved workflow or an example. */
export async function fetchWorkflow(name: string): Promise<{ document: Json; etag: string }> {
  const response = await request(address(name));
  if (!response.ok) throw await refused(address(name), response);
  return { document: await bodyOf(response), etag: response.headers.get('ETag') ?? '' };
}

/** The text at an address, as it was saved, and its ETag. */
async function fetchText(path: string): Promise<{ text: string; etag: string }> {
  const response = await request(path);
  if (!response.ok) throw await refused(path, response);
  return { text: await response.text(), etag: response.headers.get('ETag') ?? '' };
}

/** `GET /v1/workflows/{name}`: a saved workflow to the letter. */
export function fetchWorkflowText(name: string): Promise<{ text: string; etag: string }> {
  return fetchText(address(name));
}

/** What a change needs to find there: a content by its ETag, nothing, or whatever there is. */
function condition(expected: string | null): Record<string, string> {
  return expected === null ? { 'If-None-Match': '*' } : { 'If-Match': expected };
}

/** `PUT /v1/workflows/{name}`: save, where the server holds what is expected; null: nothing yet. */
export async function putWorkflow(name: string, text: string, expected: string | null): Promise<Change> {
  const headers = { 'Content-Type': 'application/json', ...condition(expected) };
  const response = await request(address(name), { method: 'PUT', headers, body: text });
  if (response.status === 412) return asObject(await bodyOf(response))['etag'] === null ? 'gone' : 'conflict';
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

function versionAddress(name: string, savedMs: number): string {
  return address(name).replace('/v1/workflows/', `/v1/workflow_versions/${savedMs}/`);
}

/** `GET /v1/workflow_versions/{saved_ms}/{name}`: one of them. */
export function fetchVersion(name: string, savedMs: number): Promise<Json> {
  return getJson(versionAddress(name, savedMs));
}

/** The same to the letter. */
export async function fetchVersionText(name: string, savedMs: number): Promise<string> {
  return (await fetchText(versionAddress(name, savedMs))).text;
}

/** `POST /v1/workflow_moves`: another name for a workflow, or for a folder where both end with `/`; which ones have another name now. */
export async function moveWorkflows(name: string, newName: string): Promise<MovedWorkflow[]> {
  return asList(await postJson('/v1/workflow_moves', { name, new_name: newName })).filter(isObject)
    .map((entry) => ({ name: asText(entry['name']), new_name: asText(entry['new_name']) }));
}

/** `GET /v1/deleted_workflows`: what can be brought back, the last deleted first. */
export async function fetchDeleted(): Promise<DeletedWorkflow[]> {
  return asList(await getJson('/v1/deleted_workflows')).filter(isObject)
    .map((entry) => ({ name: asText(entry['name']), saved_ms: Number(entry['saved_ms']), deleted_ms: Number(entry['deleted_ms']) }));
}

/** `DELETE /v1/deleted_workflows/{name}`: remove what is left of it, for good. */
export function forgetDeleted(name: string): Promise<void> {
  return send('DELETE', address(name).replace('/v1/workflows/', '/v1/deleted_workflows/'));
}
