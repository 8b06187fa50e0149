/** What crosses the wire, from the types generated of the server's OpenAPI document (`npm run types`). */
import type { Json, JsonObject } from '../graph/json';
import type { ApiPrompt } from '../graph/serialize';
import type { components } from './schema.gen';

type Schemas = components['schemas'];

/** Names of the websocket's messages. */
export type MessageType = keyof Schemas['SocketMessages'];

/** A file of the server's input, output or temp folder. */
export type ImageRef = Schemas['FileName'];

/** A saved workflow, or an example. */
export type WorkflowEntry = Schemas['SavedWorkflow'];

/** A job in a list. */
export type JobSummary = Schemas['JobSummary'];

/** A file a job made. */
export type ArtifactRef = Schemas['ArtifactRef'];

/** The queue as a whole. */
export type QueueState = Schemas['QueueState'];

/** A device and its memory in bytes. */
export type Device = Pick<Schemas['DeviceInfo'], 'name' | 'vram_total' | 'vram_free'>;

/** A network in a worker's memory. */
export type LoadedModel = Pick<Schemas['LoadedModel'], 'file' | 'part' | 'size_bytes' | 'total_bytes'>;

/** Who one is on a server that asks for a token. */
export type Me = Record<keyof Schemas['Me'], string>;

/** What one text encoder makes of a prompt. */
export type EncoderLength = Schemas['EncoderLength'];

/** A prompt's length to each encoder. */
export type PromptLength = Schemas['PromptLength'];

/** State of a node that runs or just changed. */
export type ProgressNode = Pick<Schemas['NodeProgress'], 'value' | 'max' | 'node_id'> & { state: string; seconds: number | null };

/** What `POST /prompt` is sent; the generated type leaves the graph open. */
export interface PromptRequest extends Partial<Pick<Schemas['PromptRequest'], 'client_id' | 'prompt_id' | 'front' | 'partial_execution_targets'>> {
  prompt: ApiPrompt;
  extra_data: { extra_pnginfo: { workflow: JsonObject } };
}

/** A reply of `POST /prompt`: accepted (`PromptReply`), or refused with reasons (`ErrorReply`). */
export interface PromptReply {
  accepted: boolean;
  promptId: Schemas['PromptReply']['prompt_id'];
  body: Json;
}

/** Messages of `/ws`; `preview` stands for a binary frame. */
export type ServerEvent =
  | { type: 'status'; queueRemaining: number }
  | { type: 'execution_start'; promptId: string; at: number }
  | { type: 'execution_cached'; promptId: string; nodes: string[]; reasons: Record<string, string> }
  | { type: 'executing'; promptId: string; node: string | null }
  | { type: 'progress'; promptId: string; node: string; value: number; max: number }
  | { type: 'progress_state'; promptId: string; nodes: Record<string, ProgressNode> }
  | { type: 'executed'; promptId: string; node: string; images: ImageRef[]; text: string }
  | { type: 'execution_success'; promptId: string; at: number }
  | { type: 'execution_error'; promptId: string; node: string; body: Json }
  | { type: 'execution_retried'; promptId: string; reason: string }
  | { type: 'execution_interrupted'; promptId: string; node: string }
  | { type: 'execution_warning'; promptId: string; node: string; message: string }
  | { type: 'queue_event'; event: string; promptId: string; node: string; value: number; max: number }
  /** `promptId` and `node` are empty where the server does not say whose picture it is. */
  | { type: 'preview'; image: Blob; promptId: string; node: string };
