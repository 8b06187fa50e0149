/** Questions that must be answered before something goes on. */
import { getState, setState } from './store';

export interface Choice {
  /** What {@link ask} gives for it. */
  value: string;
  label: string;
  kind?: 'primary' | 'danger';
}

export interface Question {
  title: string;
  text: string;
  /** A text to be given, and what stands in it at first. */
  field?: { label: string; initial: string };
  choices: readonly Choice[];
  answer: (value: string | null, text: string) => void;
}

interface Answer {
  value: string | null;
  text: string;
}

function put(question: Omit<Question, 'answer'>): Promise<Answer> {
  getState().question?.answer(null, '');
  return new Promise((resolve) => {
    const answer = (value: string | null, text: string): void => {
      setState({ question: null });
      resolve({ value, text });
    };
    setState({ question: { ...question, answer } });
  });
}

/** Ask, and wait for the choice; null where the user turned the question away. */
export async function ask(title: string, text: string, choices: readonly Choice[]): Promise<string | null> {
  return (await put({ title, text, choices })).value;
}

/** Show a text that can be selected, until it is closed. */
export async function showText(title: string, text: string, field: { label: string; initial: string }, close: string): Promise<void> {
  await put({ title, text, field, choices: [{ value: 'close', label: close, kind: 'primary' }] });
}

/** Ask for a text; null where the user turned the question away or gave none. */
export async function askText(title: string, text: string, field: { label: string; initial: string }, choices: readonly [cancel: Choice, done: Choice]): Promise<string | null> {
  const answer = await put({ title, text, field, choices });
  return answer.value === choices[1].value && answer.text.trim() !== '' ? answer.text.trim() : null;
}
