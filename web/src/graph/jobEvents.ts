/** What has happened to a job, as the server tells it afterwards, and what that means for each of its nodes. */
import { asList, asObject, asText, parseJson, type Json, type JsonObject } from './json';

/** The comment after which an event stream only tells what is new. */
export const CAUGHT_UP = ': caught up';

export interface JobEvent {
  type: string;
  /** Milliseconds since 1970, on the server's clock. */
  at: number;
  data: JsonObject;
}

export interface NodePast {
  state: 'waiting' | 'running' | 'cached' | 'done' | 'failed';
  /** When it began, as the event says it; 0 before. */
  at: number;
  seconds: number;
  /** Why it was not taken from the cache, in the server's words. */
  reason: string;
  /** What it showed. */
  output: Json;
}

const NEW: NodePast = { state: 'waiting', at: 0, seconds: 0, reason: '', output: null };

function number(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0;
}

/** The events in the text of a `text/event-stream`; comments and what was cut off are left out. */
export function readEvents(text: string): JobEvent[] {
  return text.split('\n\n').slice(0, -1).flatMap((frame) => {
    const [, type] = /^event: (.+)$/m.exec(frame) ?? [];
    const [, content] = /^data: (.+)$/m.exec(frame) ?? [];
    if (type === undefined || content === undefined) return [];
    const { timestamp_ms, data } = asObject(parseJson(content));
    return [{ type, at: number(timestamp_ms), data: asObject(data) }];
  });
}

function cached({ nodes, reasons }: JsonObject): Record<string, NodePast> {
  const run = Object.entries(asObject(reasons)).map(([id, reason]): [string, NodePast] => [id, { ...NEW, reason: asText(reason) }]);
  const kept = asList(nodes).map((id): [string, NodePast] => [asText(id), { ...NEW, state: 'cached' }]);
  return Object.fromEntries([...run, ...kept]);
}

function changed(past: NodePast, { type, at, data }: JobEvent): NodePast | undefined {
  switch (type) {
    case 'node_started': return { ...past, state: 'running', at };
    case 'node_finished': return { ...past, state: 'done', seconds: number(data['seconds']) };
    case 'shown': return { ...past, output: data['output'] ?? null };
    default: return undefined;
  }
}

/** How each node stands after these events. */
export function pastOf(events: readonly JobEvent[]): Record<string, NodePast> {
  let nodes: Record<string, NodePast> = {};
  for (const event of events) {
    const { type, data } = event;
    if (type === 'started') nodes = {};
    else if (type === 'cached') nodes = { ...nodes, ...cached(data) };
    const id = type === 'failed' ? asText(asObject(data['error'])['node_id']) : asText(data[type === 'shown' ? 'display_node' : 'node']) || asText(data['node']);
    const past = nodes[id] ?? NEW;
    const next = type === 'failed' ? { ...past, state: 'failed' as const } : changed(past, event);
    if (id !== '' && next) nodes[id] = next;
  }
  return nodes;
}

/** The fault of a failed job as its `execution_error` message would have told it; undefined where it did not fail. */
export function failureIn(events: readonly JobEvent[], job: string): JsonObject | undefined {
  const failed = events.findLast(({ type }) => type === 'failed');
  if (!failed) return undefined;
  const { node_id = null, message = '', type = '', traceback = [] } = asObject(failed.data['error']);
  return { prompt_id: job, node_id, exception_message: message, exception_type: type, traceback };
}

/** What nodes had to say that did not stop the job. */
export function warningsIn(events: readonly JobEvent[]): { node: string; message: string }[] {
  return events.filter(({ type }) => type === 'warning').map(({ data }) => ({ node: asText(data['display_node']) || asText(data['node']), message: asText(data['message']) }));
}
