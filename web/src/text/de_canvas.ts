/** Was die Zeichenfläche sagt. */
import type { EN_CANVAS } from './en_canvas';

export const DE_CANVAS: typeof EN_CANVAS = {
  menu: {
    back: 'Zurück', replace: 'Ersetzen durch …', align: 'Ausrichten', left: 'Linke Kanten', centre: 'Mitten nebeneinander', right: 'Rechte Kanten',
    top: 'Obere Kanten', middle: 'Mitten übereinander', bottom: 'Untere Kanten', spreadX: 'Gleiche Abstände nebeneinander', spreadY: 'Gleiche Abstände übereinander',
    colour: 'Farbe', noColour: 'Keine Farbe', colourNamed: (name) => `Farbe ${name}`, pin: 'Anheften', unpin: 'Lösen', front: 'Ganz nach vorn', behind: 'Ganz nach hinten',
    order: 'Davor oder dahinter', group: 'Gruppieren', groupTitle: 'Gruppe', duplicateFed: 'Mit Verbindungen duplizieren', showSelection: 'Auswahl zeigen', reroute: 'Umleitung einfügen', unlink: 'Verbindung entfernen',
    selectAll: 'Alles auswählen', fitGroup: 'An ihre Karten anpassen', selectContents: 'Ihre Karten auswählen', ungroup: 'Gruppe entfernen', addNote: 'Notiz hinzufügen', picture: 'Als Bild speichern',
    ofLink: 'Menü der Verbindung', ofGroup: (title) => `Menü der Gruppe ${title}`, ofCanvas: 'Menü des Graphen',
  },
  colours: ['Violett', 'Blau', 'Türkis', 'Grün', 'Gelb', 'Orange', 'Rot', 'Grau'],
  tools: { snap: 'Am Raster ausrichten', lasso: 'Lasso: um Karten herum zeichnen' },
  group: (title) => `Gruppe ${title}`,
  note: { edit: 'Notiz bearbeiten', done: 'Notiz zeigen', empty: 'Eine leere Notiz. Doppelklicken, um zu schreiben.', picture: (alt) => `Bild: ${alt}` },
  says: {
    connected: (from, to) => `${from} mit ${to} verbunden.`, disconnected: 'Verbindung entfernt.',
    pinned: (card) => `${card} ist angeheftet und bleibt, wo sie ist.`,
    moved: (card, x, y) => `${card} nach ${x}, ${y} verschoben.`,
    selected: (count) => (count === 1 ? '1 Karte ausgewählt.' : `${count} Karten ausgewählt.`),
    progress: (percent) => `Der Lauf ist bei ${percent} Prozent.`, finished: 'Der Lauf ist fertig.', failed: (message) => `Der Lauf ist gescheitert: ${message}`,
    connecting: (socket, count) => (count === 0
      ? `Nichts passt zu ${socket}.` : `${socket} wird verbunden. ${count} ${count === 1 ? 'passender Anschluss' : 'passende Anschlüsse'}: Pfeiltasten wählen, Eingabe verbindet, Escape beendet.`),
    inside: 'In der Karte. Tab führt weiter, Escape hinaus.', noCard: 'Dort ist keine Karte.',
  },
};
