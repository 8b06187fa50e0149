/** Asks the server how long prompts are, once the user pauses. */
import { fetchPromptLength } from '../api/prompts';
import { ServerError } from '../api/client';
import type { PromptLength } from '../api/wire';
import { stringifyJson } from '../graph/json';
import { runPrefix } from '../graph/levels';
import type { Graph } from '../graph/model';
import { WorkflowError } from '../graph/parse';
import { promptQuestion } from '../graph/promptLength';
import { toApiForm, type ApiPrompt } from '../graph/serialize';
import { getState, useStore } from './store';

/** After so long without a change the length is asked for. */
const PAUSE_MS = 350;
const MOST_KEPT = 200;

const prompts = new WeakMap<Graph, ApiPrompt>();
/** Answers by question, for cards that come into view again. */
const answers = new Map<string, PromptLength>();

/** Where each text is read is found in the API form, which many cards ask for. */
function apiForm(): ApiPrompt {
  const { graph, schema } = getState();
  const known = prompts.get(graph) ?? toApiForm(graph, schema);
  prompts.set(graph, known);
  return known;
}

/** What to ask about a node's text; nothing in a workflow that cannot be expanded. */
function questionOf(node: string, input: string): ReturnType<typeof promptQuestion> {
  const { graph, schema } = getState();
  try {
    return promptQuestion(apiForm(), schema, runPrefix(graph) + node, input);
  } catch (error) {
    if (error instanceof WorkflowError) return undefined;
    throw error;
  }
}

function keep(key: string, answer: PromptLength): void {
  const [oldest] = answers.keys();
  if (answers.size >= MOST_KEPT && oldest !== undefined) answers.delete(oldest);
  answers.set(key, answer);
}

/** What the server says; null where there is nothing to ask, or no answer: then it is asked again at the next change. */
async function ask(question: ReturnType<typeof promptQuestion>, key: string): Promise<PromptLength | null> {
  const known = answers.get(key);
  if (known || !question) return known ?? null;
  try {
    const found = await fetchPromptLength(question);
    if (found?.problems.length === 0) keep(key, found);
    return found;
  } catch (error) {
    if (error instanceof ServerError) return null;
    throw error;
  }
}

/** Tell the length of a node's text now and whenever it, or what reads it, has changed. Returns how to stop. */
export function watchPromptLength(node: string, input: string, tell: (length: PromptLength | null) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked: string | undefined;
  const measure = async (): Promise<void> => {
    const question = questionOf(node, input);
    const key = stringifyJson(question ?? null);
    if (key === asked) return;
    asked = key;
    const found = await ask(question, key);
    if (asked === key) tell(found);
    if (asked === key && question && !found) asked = undefined;
  };
  const wait = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void measure(), PAUSE_MS);
  };
  wait();
  const stop = useStore.subscribe((now, before) => {
    if (now.graph !== before.graph || now.schema !== before.schema) wait();
  });
  return () => {
    asked = '';
    clearTimeout(timer);
    stop();
  };
}
