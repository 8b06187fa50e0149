/** Tables that are fetched when they are first needed, by language. */
import type { ProblemWords } from '../graph/problemWords';
import type { NodeWords } from '../graph/schema';
import type { Language } from '.';

const NODES: Readonly<Record<Language, () => Promise<NodeWords>>> = {
  en: async () => (await import('./en_nodes')).EN_NODES,
  de: async () => (await import('./de_nodes')).DE_NODES,
};

const PROBLEMS: Readonly<Record<Language, () => Promise<ProblemWords>>> = {
  en: async () => (await import('./en_problems')).EN_PROBLEMS,
  de: async () => (await import('./de_problems')).DE_PROBLEMS,
};

/** Names of node types, inputs and categories. */
export function nodeWords(language: Language): Promise<NodeWords> {
  return NODES[language]();
}

/** Sentences about what the server refuses. */
export function problemWords(language: Language): Promise<ProblemWords> {
  return PROBLEMS[language]();
}
