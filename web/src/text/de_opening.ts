/** German words of opening files and of what became of them. */
import type { EN_OPENING } from './en_opening';

export const DE_OPENING: typeof EN_OPENING = {
  drop: 'Zum Öffnen ablegen', dropHint: 'Workflows als JSON und Bilder mit oder ohne Workflow. Jeder bekommt einen eigenen Tab.',
  unreadable: 'Der Browser kann es nicht lesen: Vielleicht ist es ein Ordner, oder es ist nicht mehr da. Legen Sie die Dateien ab, die darin sind.',
  manyTitle: (count) => `${count} Dateien öffnen?`, manyText: 'Jeder Workflow bekommt einen eigenen Tab.',
  all: (count) => `Alle ${count} öffnen`, some: (count) => `Nur die ersten ${count}`,
  pastedName: 'Eingefügter Workflow', pasteTitle: 'In der Zwischenablage ist ein Workflow', pasteText: (count) => `Er hat ${count} Knoten.`,
  importedFrom: (tool) => `Aus den Angaben von ${tool || 'einem anderen Programm'} wurde ein Workflow für SD3.5.`, prompt: 'Prompt', negative: 'negativer Prompt',
  linkHolds: 'Der Link ist in der Zwischenablage. Er enthält den Workflow selbst, wie er jetzt ist: Was Sie gespeichert haben, sehen andere nicht.',
  linkTitle: 'Link zum Workflow', linkText: 'Der Browser lässt diese Seite nichts kopieren. Kopieren Sie den Link von hier.',
  linkTooLong: 'Der Workflow ist zu groß für einen Link. Laden Sie ihn herunter, und schicken Sie die Datei.', sharedName: 'Geteilter Workflow',
  badLink: 'Der Link ist beschädigt: Der Workflow darin lässt sich nicht lesen. Vielleicht ist er abgeschnitten; bitten Sie noch einmal darum.',
  noSuch: (name) => `Einen Workflow „${name}“ gibt es hier nicht. Vielleicht wurde er umbenannt oder gelöscht.`,
  noSuchHere: (name) => `Sie haben keinen Workflow „${name}“. Hier hat jeder seine eigenen; bitten Sie um einen mit „Link kopieren“ gemachten Link, der den Workflow selbst enthält.`,
  pasteOpen: 'In einem Tab öffnen', pasteHere: 'Seine Knoten hier einfügen',
};
