/** The words the user sees, in the chosen language. A further language is one more table here. */
import { browserStore } from '../api/storage';
import { DE } from './de';
import { EN, type Texts } from './en';

const TABLES = { en: EN, de: DE } satisfies Record<string, Texts>;

export type { Texts };

export type Language = keyof typeof TABLES;

/** Each language under the name its speakers give it. */
export const LANGUAGES: Readonly<Record<Language, string>> = { en: 'English', de: 'Deutsch' };

const LANGUAGE_KEY = 'sd35graph.language';

function isLanguage(name: string | null | undefined): name is Language {
  return name !== null && name !== undefined && name in TABLES;
}

/** The language the user chose; null where the browser's counts. */
export function chosenLanguage(): Language | null {
  const chosen = browserStore.getItem(LANGUAGE_KEY);
  return isLanguage(chosen) ? chosen : null;
}

/** The chosen language, else the first of the browser's that there is a table for, else English. */
function preferredLanguage(): Language {
  const wanted = typeof navigator === 'undefined' ? [] : navigator.languages;
  return chosenLanguage() ?? wanted.map((tag) => tag.split('-')[0]).find(isLanguage) ?? 'en';
}

/** The table in use. Read it when something is drawn or said, not when a module is loaded: the language may change. */
export let TEXT: Texts = TABLES[preferredLanguage()];

/** Take the preferred language's table and tell the page its language. Returns the language. */
export function applyLanguage(): Language {
  const language = preferredLanguage();
  TEXT = TABLES[language];
  document.documentElement.lang = language;
  return language;
}

/** Remember a language, or with null follow the browser again. */
export function chooseLanguage(language: Language | null): void {
  if (language === null) browserStore.removeItem(LANGUAGE_KEY);
  else browserStore.setItem(LANGUAGE_KEY, language);
}
