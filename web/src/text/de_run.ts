/** Die Wörter zum Ausführen, zur Warteschlange, zur Galerie, zu Problemen und Feldern. */
import type { EN_RUN } from './en_run';

export const DE_RUN: typeof EN_RUN = {
  running: {
    options: 'Weitere Arten auszuführen', selected: 'Gewählte Ausgaben ausführen', front: 'Vor allem ausführen, was wartet', onChange: 'Nach jeder Änderung ausführen',
    onChangeIsOn: 'läuft nach jeder Änderung',
    noOutputs: 'Keine der gewählten Karten führt zu einer Ausgabe. Wählen Sie eine Karte, die etwas speichert oder zeigt.',
    earlier: 'von einem früheren Lauf', unheard: 'Verbindung verloren', why: (reason) => `lief: ${reason}`, wasCached: 'nichts, wovon es abhängt, hat sich geändert',
    neverRun: 'noch nie ausgeführt', changed: (names) => `${names} geändert`, input: (name) => `„${name}“`, unfinished: 'war nicht fertig geworden',
  },
  mask: {
    paint: 'Maske malen', title: (name) => `Maske von ${name}`, tools: 'Werkzeuge', brush: 'Pinsel', eraser: 'Radierer', size: 'Größe', zoom: 'Zoom', invert: 'Umkehren', clear: 'Leeren',
    canvas: 'Maske. Pfeiltasten bewegen den Pinsel, die Leertaste malt.', hint: 'Was bemalt ist, wird neu gezeichnet. Auch Pfeiltasten und Leertaste malen.', save: 'Diese Maske verwenden',
  },
  feeding: { menu: 'Felder als Eingänge', feed: (label) => `${label} von einer Karte speisen`, back: (label) => `${label} wieder zum Feld machen` },
  placeholders: { prompt: 'Beschreiben Sie das Bild', negative: 'Was das Bild nicht zeigen soll; darf leer bleiben' },
  choices: { none: 'Nichts mit diesem Namen.', more: (count) => `${count} weitere: tippe, um sie zu finden.` },
  promptLength: {
    names: { clip_l: 'CLIP-L', clip_g: 'CLIP-G', t5xxl: 'T5' }, both: 'CLIP', within: (name, tokens, limit) => `${name} ${tokens} von ${limit}`,
    parts: (name, tokens, sections) => `${name} ${tokens} in ${sections} Teilen`, beyond: (name, tokens, limit) => `${name} ${tokens}, trainiert mit ${limit}`,
    plain: (name, tokens) => `${name} ${tokens}`,
    explanation: 'Länge in Token. CLIP liest einen längeren Text in Teilen. T5 liest ihn ganz, wurde aber mit höchstens 255 trainiert.',
  },
  seeds: { takeBack: (label, value) => `${label}: ${value} zurückholen, den zuletzt verwendeten` },
  repairs: {
    copy: (command) => `„${command}“ kopieren`, copied: (command) => `Kopiert: ${command}`, notCopied: (command) => `Der Browser lässt diese Seite nicht kopieren. Geben Sie ein: ${command}`,
    add: (title) => `„${title}“ hinzufügen`, others: 'Andere passende Knoten…', replace: (title) => `Stattdessen „${title}“ verwenden`,
  },
  several: { common: 'Was sie gemeinsam haben. Eine Änderung gilt für alle.', none: 'Sie haben kein Feld gemeinsam.', differs: 'verschiedene Werte' },
  pictures: {
    mark: (name) => `${name} zum Vergleichen vormerken`, hint: 'Pfeiltasten gehen weiter, Eingabe öffnet, M merkt zwei zum Vergleichen vor.', compareMarked: 'Die zwei vorgemerkten vergleichen', unmark: 'Nicht mehr vormerken',
    compareTitle: 'Zwei Bilder im Vergleich', compareWith: (name) => `Mit ${name} vergleichen`, single: 'Eines zeigen', useAsInput: 'Als Eingabe verwenden', copy: 'Kopieren', copied: 'Das Bild ist in der Zwischenablage.',
    used: 'Das Bild ist jetzt eine Eingabe.', noClipboard: 'Der Browser lässt nur Seiten über HTTPS oder von diesem Rechner Bilder kopieren. Nutzen Sie sein eigenes Menü am Bild.',
    whole: (percent) => `${percent} %: ganz zeigen`, divider: 'Trennlinie', seen: (percent, name) => `${percent} % von ${name}`,
    madeWith: 'Womit es gemacht wurde',
    lost: {
      title: (name) => `„${name}“ lässt sich nicht zeigen.`, asking: 'Der Server wird gefragt, warum…',
      gone: (folder) => `Die Datei liegt nicht mehr im Ordner „${folder}“ des Servers: Sie wurde gelöscht, verschoben oder umbenannt. Legen Sie sie dorthin zurück, oder lassen Sie das Bild neu entstehen: „Seinen Workflow öffnen“, dann „Ausführen“.`,
      temporary: (folder) => `Die Datei liegt nicht mehr im Ordner „${folder}“ des Servers, der beim Start geleert wird. So entsteht das Bild neu: „Seinen Workflow öffnen“, dann „Ausführen“. „Bild speichern“ bewahrt Bilder auf.`,
      unreadable: (folder) => `Die Datei liegt im Ordner „${folder}“ des Servers, enthält aber kein Bild, das der Browser lesen kann. Lassen Sie es neu entstehen: „Seinen Workflow öffnen“, dann „Ausführen“.`,
    },
    facts: { prompt: 'Prompt', negative: 'Negativer Prompt', seed: 'Startwert', steps: 'Schritte', cfg: 'CFG', sampler: 'Sampler', scheduler: 'Scheduler', model: 'Modell', size: 'Größe' },
  },
  jobs: {
    pause: 'Warteschlange anhalten', resume: 'Fortsetzen', paused: 'Angehalten. Was läuft, läuft weiter; mehr wird nicht begonnen.', cancelAll: 'Alle abbrechen', cancel: (title) => `${title} abbrechen`,
    retry: (title) => `${title} noch einmal ausführen`, remove: (title) => `${title} aus der Liste nehmen`, up: (title) => `${title} nach oben`,
    down: (title) => `${title} nach unten`, front: (title) => `${title} ganz nach vorn`, more: 'Mehr laden', menu: (title) => `Was mit ${title} geschehen soll`,
    about: (time) => `etwa ${time}`, doneIn: (time) => `fertig in etwa ${time}`, otherWindow: 'aus einem anderen Fenster', open: 'Seinen Workflow öffnen',
    noWorkflow: 'Sein Workflow wurde nicht aufgehoben.', moved: (title, place) => `${title} ist jetzt Nummer ${place} der wartenden.`,
    priority: (value) => `Vorrang ${value}`, after: (time) => `nach ${time}`, raise: 'Vorrang erhöhen', lower: 'Vorrang senken',
    waitingList: 'Wartend', runningList: 'Läuft', endedList: 'Beendet', drag: 'Ziehen, um umzuordnen',
  },
};
