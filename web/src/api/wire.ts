/**
 * What crosses the wire, in the shapes the server is recorded to send.
 *
 * Replace by `schema.gen.ts` (`npm run types`, from the server's OpenAPI document) where a route is described there;
 * websocket messages are outside OpenAPI and stay here.
 */
import type { ApiPrompt } from '../graph/serialize';
import type { Json, JsonObject } from '../graph/json';

export interface ImageRef {
  filename: string;
  subfolder: string;
  type: string;
}

export interface PromptRequest {
  prompt: ApiPrompt;
  client_id: string;
  extra_data: { extra_pnginfo: { workflow: JsonObject } };
}

/** A reply of `POST /prompt`: accepted, or refused with reasons. */
export interface PromptReply {
  accepted: boolean;
  promptId: string;
  body: Json;
}

export interface WorkflowEntry {
  name: string;
  title: string;
}

export interface Device {
  name: string;
  vram_total: number;
  vram_free: number;
}

export interface SystemStats {
  devices: Device[];
}

export interface ProgressNode {
  value: number;
  max: number;
  state: string;
  node_id: string;
}

/** Messages of `/ws`; `preview` stands for a binary frame. */
export type ServerEvent =
  | { type: 'status'; queueRemaining: number }
  | { type: 'execution_start'; promptId: string; at: number }
  | { type: 'execution_cached'; promptId: string; nodes: string[] }
  | { type: 'executing'; promptId: string; node: string | null }
  | { type: 'progress'; promptId: string; node: string; value: number; max: number }
  | { type: 'progress_state'; promptId: string; nodes: Record<string, ProgressNode> }
  | { type: 'executed'; promptId: string; node: string; images: ImageRef[]; text: string }
  | { type: 'execution_success'; promptId: string; at: number }
  | { type: 'execution_error'; promptId: string; node: string; body: Json }
  | { type: 'execution_interrupted'; promptId: string; node: string }
  | { type: 'preview'; image: Blob };
