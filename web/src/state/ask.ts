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
  choices: readonly Choice[];
  answer: (value: string | null) => void;
}

/** Ask, and wait for the choice; null where the user turned the question away. */
export function ask(title: string, text: string, choices: readonly Choice[]): Promise<string | null> {
  getState().question?.answer(null);
  return new Promise((resolve) => {
    const answer = (value: string | null): void => {
      setState({ question: null });
      resolve(value);
    };
    setState({ question: { title, text, choices, answer } });
  });
}
