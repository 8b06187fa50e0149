/** Websocket frames into events. Frames this editor does not know are ignored, as the protocol asks of clients. */
import { asList, asObject, asText, isObject, parseJson, type Json, type JsonObject } from '../graph/json';
import type { ImageRef, MessageType, ProgressNode, ServerEvent } from './wire';

const PREVIEW = 1;
const PREVIEW_WITH_METADATA = 4;
const MEDIA_TYPES: Readonly<Record<number, string>> = { 1: 'image/jpeg', 2: 'image/png' };

function asNumber(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** Pictures named in a node's output. */
export function imagesOf(output: Json | undefined): ImageRef[] {
  return asList(asObject(output)['images']).filter(isObject).map((image) => ({
    filename: asText(image['filename']), subfolder: asText(image['subfolder']), type: asText(image['type'], 'output'),
  }));
}

/** Text in a node's output. */
export function textOf(output: Json | undefined): string {
  const text = asObject(output)['text'];
  return Array.isArray(text) ? text.map((part) => asText(part)).join('\n') : asText(text);
}

function progressNodes(value: Json | undefined): Record<string, ProgressNode> {
  const entries = Object.entries(asObject(value)).map(([id, entry]): [string, ProgressNode] => {
    const { value: done, max, state, node_id, seconds } = asObject(entry);
    const took = typeof seconds === 'number' ? seconds : null;
    return [id, { value: asNumber(done), max: asNumber(max), state: asText(state), node_id: asText(node_id, id), seconds: took }];
  });
  return Object.fromEntries(entries);
}

type Decoder = (data: JsonObject, promptId: string) => ServerEvent;

/** `feature_flags` and `logs` answer what this editor never asks for. */
const DECODERS: Readonly<Record<Exclude<MessageType, 'feature_flags' | 'logs'>, Decoder>> = {
  status: (data) => ({
    type: 'status', queueRemaining: asNumber(asObject(asObject(data['status'])['exec_info'])['queue_remaining']),
  }),
  execution_start: (data, promptId) => ({ type: 'execution_start', promptId, at: asNumber(data['timestamp']) }),
  execution_cached: (data, promptId) => ({
    type: 'execution_cached', promptId, nodes: asList(data['nodes']).map((id) => asText(id)),
    reasons: Object.fromEntries(Object.entries(asObject(data['reasons'])).map(([id, why]) => [id, asText(why)])),
  }),
  queue_event: (data, promptId) => ({
    type: 'queue_event', event: asText(data['event']), promptId, node: asText(data['node']), value: asNumber(data['value']), max: asNumber(data['max']),
  }),
  executing: (data, promptId) => ({ type: 'executing', promptId, node: asText(data['node']) || null }),
  progress: (data, promptId) => ({
    type: 'progress', promptId, node: asText(data['node']), value: asNumber(data['value']), max: asNumber(data['max']),
  }),
  progress_state: (data, promptId) => ({ type: 'progress_state', promptId, nodes: progressNodes(data['nodes']) }),
  executed: (data, promptId) => ({
    type: 'executed', promptId, node: asText(data['display_node'], asText(data['node'])),
    images: imagesOf(data['output']), text: textOf(data['output']),
  }),
  execution_success: (data, promptId) => ({ type: 'execution_success', promptId, at: asNumber(data['timestamp']) }),
  execution_error: (data, promptId) => ({ type: 'execution_error', promptId, node: asText(data['node_id']), body: data }),
  execution_retried: (data, promptId) => ({ type: 'execution_retried', promptId, reason: asText(data['reason']) }),
  execution_interrupted: (data, promptId) => ({ type: 'execution_interrupted', promptId, node: asText(data['node_id']) }),
  execution_warning: (data, promptId) => ({
    type: 'execution_warning', promptId, node: asText(data['display_node'], asText(data['node'])), message: asText(data['message']),
  }),
};

/** The event of a text frame, and its number among the events the server keeps; 0 where it has none. */
export function decodeText(frame: string): { event: ServerEvent | undefined; seq: number } {
  const message = asObject(parseJson(frame));
  const data = asObject(message['data']);
  const decoders: Readonly<Record<string, Decoder | undefined>> = DECODERS;
  const event = decoders[asText(message['type'])]?.(data, asText(data['prompt_id']));
  return { event, seq: asNumber(data['seq']) };
}

/** The event of a binary frame: four bytes of event number, then for 1 four bytes of image type, for 4 the length of a JSON object and that object, and the image. */
export function decodeBinary(frame: ArrayBuffer): ServerEvent | undefined {
  if (frame.byteLength < 8) return undefined;
  const view = new DataView(frame);
  const event = view.getUint32(0);
  const field = view.getUint32(4);
  if (event === PREVIEW) {
    return { type: 'preview', promptId: '', node: '', image: new Blob([frame.slice(8)], { type: MEDIA_TYPES[field] ?? 'image/png' }) };
  }
  if (event === PREVIEW_WITH_METADATA) {
    const { prompt_id, display_node_id, image_type } = asObject(parseJson(new TextDecoder().decode(frame.slice(8, 8 + field))));
    return { type: 'preview', promptId: asText(prompt_id), node: asText(display_node_id), image: new Blob([frame.slice(8 + field)], { type: asText(image_type, 'image/jpeg') }) };
  }
  return undefined;
}
