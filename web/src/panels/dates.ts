/** When something happened, in words of the reader's language. */
export function dateWords(ms: number): string {
  return new Date(ms).toLocaleString(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' });
}
