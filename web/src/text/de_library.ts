/** German words of the saved workflows: their folders, what was deleted, and how versions differ. */
import type { EN_LIBRARY } from './en_library';

export const DE_LIBRARY: typeof EN_LIBRARY = {
  moveTitle: (name) => `„${name}“ umbenennen oder verschieben`, moved: (name, folder) => (folder === '' ? `„${name}“ liegt jetzt in keinem Ordner mehr.` : `„${name}“ liegt jetzt in „${folder}“.`),
  folder: (name) => `Ordner ${name}`,
  removeTitle: (name) => `Den Ordner „${name}“ löschen?`, removeText: (count) => `Er enthält ${count} Workflows. Sie kommen mit ihren Versionen nach „Zuletzt gelöscht“.`,
  removed: (name) => `„${name}“ steht jetzt unter „Zuletzt gelöscht“.`, changed: (names) => `Inzwischen geändert und darum nicht gelöscht: ${names}`,
  deleted: 'Zuletzt gelöscht', noneDeleted: 'Von Gelöschtem ist nichts mehr da.', deletedAt: (date) => `gelöscht ${date}`,
  bringBack: (name) => `${name} zurückholen`, bringBackAll: (folder, count) => `Alle ${count} aus ${folder} zurückholen`, bringBackShort: 'Zurückholen', all: (count) => `Alle ${count} zurückholen`,
  back: (name) => `„${name}“ ist mit seinen Versionen wieder da.`, backAll: (count) => `${count} Workflows sind mit ihren Versionen wieder da.`,
  taken: (names) => `Nicht zurückgeholt, weil es jetzt einen anderen Workflow dieses Namens gibt: ${names}`,
  forgetTitle: (name) => `„${name}“ endgültig löschen?`, forgetText: 'Alle Versionen werden entfernt. Nichts bringt sie zurück.', forget: 'Endgültig löschen', forgetOne: (name) => `${name} endgültig löschen`,
  more: (count) => `${count} ältere sind nicht aufgeführt.`,
  unreadableVersion: (why) => `Diese Version lässt sich nicht lesen: ${why} Die anderen betrifft das nicht.`,
  unreadableNow: (why) => `Was jetzt gespeichert ist, lässt sich nicht lesen; darum gibt es nichts zu vergleichen: ${why}`,
};
