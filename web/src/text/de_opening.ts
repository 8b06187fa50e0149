/** German words of opening files and of what became of them. */
import type { EN_OPENING } from './en_opening';

export const DE_OPENING: typeof EN_OPENING = {
  drop: 'Zum Öffnen ablegen', dropHint: 'Workflows als JSON und Bilder mit oder ohne Workflow. Jeder bekommt einen eigenen Tab.',
  unreadable: 'Der Browser kann es nicht lesen: Vielleicht ist es ein Ordner, oder es ist nicht mehr da. Legen Sie die Dateien ab, die darin sind.',
  manyTitle: (count) => `${count} Dateien öffnen?`, manyText: 'Jeder Workflow bekommt einen eigenen Tab.',
  all: (count) => `Alle ${count} öffnen`, some: (count) => `Nur die ersten ${count}`,
  pastedName: 'Eingefügter Workflow', pasteTitle: 'In der Zwischenablage ist ein Workflow', pasteText: (count) => `Er hat ${count} Knoten.`,
  importedFrom: (tool) => `Aus den Angaben von ${tool || 'einem anderen Programm'} wurde ein Workflow für SD3.5.`, prompt: 'Prompt', negative: 'negativer Prompt',
  pasteOpen: 'In einem Tab öffnen', pasteHere: 'Seine Knoten hier einfügen',
};
