/** The server's HTTP routes. Every function throws {@link ServerError} with a sentence a user can act on. */
import { tabStore } from './storage';
import { asList, asObject, asText, isObject, parseJson, stringifyJson, type Json } from '../graph/json';
import { TEXT } from '../text';
import type { Device, ImageRef, LoadedModel, Me, PromptReply, PromptRequest, WorkflowEntry } from './wire';

export class ServerError extends Error {}

/** Ask the server; a refusal is an answer like any other. */
export async function request(path: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch (cause) {
    throw new ServerError(TEXT.errors.unreachable, { cause });
  }
  if (response.status === 401) {
    goToLogin();
    throw new ServerError(TEXT.errors.login);
  }
  return response;
}

/** To the page where one shows a token, and from there back here. What is not saved comes back from the journal. */
function goToLogin(): void {
  const { pathname, search, hash } = window.location;
  if (hash.length > 1) tabStore.setItem('sd35graph.link', hash);
  window.location.assign(`/login?ended&next=${encodeURIComponent(pathname + search)}`);
}

/** The JSON an answer holds. */
export async function bodyOf(response: Response): Promise<Json> {
  const text = await response.text();
  if (text.trim() === '') return {};
  try {
    return parseJson(text);
  } catch (cause) {
    throw new ServerError(TEXT.errors.notJson(response.url, response.status), { cause });
  }
}

/** What a refusing reply says of itself, where it says anything. */
async function reasonOf(response: Response): Promise<string> {
  const kind = response.headers.get('Content-Type') ?? '';
  if (kind.startsWith('application/problem+json')) return asText(asObject(await bodyOf(response))['detail']);
  if (!kind.startsWith('application/json')) return '';
  const error = asObject(await bodyOf(response))['error'];
  if (!isObject(error)) return asText(error);
  return [asText(error['message']), asText(error['details'])].filter(Boolean).join(' ');
}

/** The error for an answer that refuses. */
export async function refused(path: string, response: Response): Promise<ServerError> {
  return new ServerError(TEXT.errors.status(path, response.status, await reasonOf(response)));
}

/** The JSON at an address. */
export async function getJson(path: string): Promise<Json> {
  const response = await request(path);
  if (!response.ok) throw await refused(path, response);
  return bodyOf(response);
}

async function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return request(path, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: stringifyJson(body), ...(signal ? { signal } : {}),
  });
}

/** The JSON that answers a body. */
export async function postJson(path: string, body: unknown): Promise<Json> {
  const response = await post(path, body);
  if (!response.ok) throw await refused(path, response);
  return bodyOf(response);
}

/** A request whose answer is not read. */
export async function send(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<void> {
  const init = body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: stringifyJson(body) };
  const response = await request(path, { method, ...init });
  if (!response.ok) throw await refused(path, response);
}

/** `GET /api/object_info`: every node type. */
export function fetchObjectInfo(): Promise<Json> {
  return getJson('/api/object_info');
}

/** `GET /v1/me`: who one is here, on a server that asks for a token; elsewhere undefined. */
export async function fetchMe(): Promise<Me | undefined> {
  const { name, role } = asObject(await getJson('/v1/me'));
  return name === null ? undefined : { name: asText(name), role: asText(role) };
}

/** `GET /v1/workflows`: one's own workflows and the examples. */
export async function fetchWorkflows(): Promise<WorkflowEntry[]> {
  return asList(await getJson('/v1/workflows')).filter(isObject).map((entry) => ({
    name: asText(entry['name']), title: asText(entry['title'], asText(entry['name'])), is_example: entry['is_example'] === true,
    etag: asText(entry['etag']), modified_ms: Number(entry['modified_ms']),
  }));
}

/** After so long no answer is expected any more; the runs behind it would wait for it. */
const PATIENCE_S = 60;

/** `POST /api/prompt`. A refusal (400) is a reply, not an error. */
export async function postPrompt(body: PromptRequest): Promise<PromptReply> {
  const signal = AbortSignal.timeout(PATIENCE_S * 1000);
  try {
    return await readPromptReply(await post('/api/prompt', body, signal));
  } catch (cause) {
    throw signal.aborted ? new ServerError(TEXT.errors.noReply(PATIENCE_S), { cause }) : cause;
  }
}

async function readPromptReply(response: Response): Promise<PromptReply> {
  const reply = await bodyOf(response);
  if (!response.ok && !isObject(reply)) throw new ServerError(TEXT.errors.status('/api/prompt', response.status, ''));
  return { accepted: response.ok, promptId: asText(asObject(reply)['prompt_id']), body: reply };
}

/** `GET /api/system_stats`: memory of the devices, and the models in it. */
export async function fetchMachine(): Promise<{ devices: Device[]; loaded: LoadedModel[] }> {
  const body = asObject(await getJson('/api/system_stats'));
  const devices = asList(body['devices']).filter(isObject).map((device) => ({
    name: asText(device['name']), vram_total: Number(device['vram_total']), vram_free: Number(device['vram_free']),
  }));
  const loaded = asList(body['loaded']).filter(isObject).map((model) => ({
    file: asText(model['file']), part: asText(model['part']), size_bytes: Number(model['size_bytes']), total_bytes: Number(model['total_bytes']),
  }));
  return { devices, loaded };
}

/** `POST /api/upload/image`: a picture into the input folder; the name it got there. */
export async function uploadImage(file: File): Promise<ImageRef> {
  const form = new FormData();
  form.append('image', file, file.name);
  const response = await request('/api/upload/image', { method: 'POST', body: form });
  if (!response.ok) throw new ServerError(TEXT.errors.upload(file.name, (await reasonOf(response)) || TEXT.errors.uploadHint));
  const { name, subfolder, type } = asObject(await bodyOf(response));
  return { filename: asText(name), subfolder: asText(subfolder), type: asText(type, 'input') };
}

/** `POST /api/upload/mask`: a picture of the input folder with the transparency of another; the name the result got. */
export async function uploadMask(original: ImageRef, mask: Blob, name: string): Promise<ImageRef> {
  const form = new FormData();
  form.append('image', mask, name);
  form.append('original_ref', stringifyJson(original));
  form.append('subfolder', 'masks');
  const response = await request('/api/upload/mask', { method: 'POST', body: form });
  if (!response.ok) throw await refused('/api/upload/mask', response);
  const { name: given, subfolder, type } = asObject(await bodyOf(response));
  return { filename: asText(given), subfolder: asText(subfolder), type: asText(type, 'input') };
}

/** Address of a picture. */
export function imageUrl(image: ImageRef): string {
  const { filename, subfolder, type } = image;
  return `/api/view?${new URLSearchParams({ filename, subfolder, type }).toString()}`;
}

/** Longest side of the small pictures in lists; twice what they measure, for dense screens. */
const THUMBNAIL_PX = 320;

/** Address of a small form of a picture. */
export function thumbnailUrl({ filename, subfolder, type }: ImageRef): string {
  const path = [type, ...subfolder.split('/'), filename].filter(Boolean).map(encodeURIComponent).join('/');
  return `/v1/artifacts/${path}?thumbnail=${THUMBNAIL_PX}`;
}

/** Whether the server has a picture's file. */
export async function isPictureThere(image: ImageRef): Promise<boolean> {
  const path = imageUrl(image);
  const response = await request(path);
  void response.body?.cancel();
  if (!response.ok && response.status !== 404) throw await refused(path, response);
  return response.ok;
}

/** The bytes of a picture. */
export async function fetchPicture(image: ImageRef): Promise<Blob> {
  const path = imageUrl(image);
  const response = await request(path);
  if (!response.ok) throw await refused(path, response);
  return response.blob();
}
