/** Was Statuszeile, Inspektor und ein Fehler der Seite selbst sagen. */
import type { EN_FRAME } from './en_frame';

export const DE_FRAME: typeof EN_FRAME = {
  status: {
    nodes: (count) => `${count} Knoten`, dirty: 'ungespeicherte Änderungen',
    memory: (device, used, all) => `${device} · ${used} von ${all} GB belegt`,
    queue: (count) => `${count} in der Warteschlange`, me: (name, role) => `${name} (${role})`,
  },
  templates: {
    looking: 'Es wird nachgesehen, was sie braucht…', ready: (files) => (files === 0 ? '✓ Braucht keine Modelldatei' : `✓ Kann laufen: ${files === 1 ? 'die Modelldatei ist' : `alle ${files} Modelldateien sind`} da`),
    lacks: (missing, files) => `⚠ ${missing} von ${files} ${files === 1 ? 'Modelldatei fehlt' : 'Modelldateien fehlen'}`,
  },
  memory: {
    none: 'kein Modell im Speicher', title: 'Modelle im Speicher', free: 'Ihren Speicher freigeben', freed: 'Die Modelle verlassen den Speicher, sobald nichts mehr läuft.',
    short: (name, others, size) => `${name}${others > 0 ? ` + ${others}` : ''} im Speicher · ${size}`,
    partly: (size, all) => `${size} von ${all}, der Rest wird abwechselnd geholt`,
    hint: 'Sie bleiben, damit der nächste Lauf sofort beginnt, bis andere den Platz brauchen.',
    parts: { mmdit: 'Diffusionsmodell', vae: 'VAE', clip_l: 'CLIP-L', clip_g: 'CLIP-G', t5xxl: 'T5-XXL', controlnet: 'ControlNet' },
  },
  saved: {
    untouched: 'keine Änderungen', known: 'gespeichert', ago: (ago) => `gespeichert ${ago}`, justNow: 'soeben', kept: 'ungespeicherte Änderungen · in diesem Browser aufgehoben',
    since: 'ungespeicherte Änderungen in diesem Browser', unkept: 'ungespeicherte Änderungen, nirgends aufgehoben: bitte speichern',
    nowhere: 'Der Workflow ist nicht auf dem Server gespeichert.', where: (name, time) => `Auf dem Server als „${name}“${time && `, gespeichert ${time}`}.`,
    keptAt: (time) => `Dieser Browser hat alle Änderungen um ${time} aufgehoben; auch nach einem Absturz sind sie wieder da.`,
  },
  inspector: {
    nothing: 'Wählen Sie eine Karte aus, um ihre Eingänge und die Hilfe zu sehen.', many: (count) => `${count} Karten ausgewählt`,
    node: (type, id) => `${type} · Knoten ${id}`, inputs: 'Eingänge', settings: 'Einstellungen', outputs: 'Ausgänge', about: 'Beschreibung',
    goTo: (card) => `Zu ${card} gehen`, usedBy: (card, input) => `${input} von ${card}`, unused: 'unbenutzt',
    type: 'Typ', id: 'Knoten', category: 'Kategorie', isOutput: 'Läuft von selbst, denn er speichert oder zeigt etwas.',
  },
  fault: {
    title: 'Der Editor ist stehen geblieben', what: 'Ein Fehler in der Seite selbst verhindert, dass sie gezeichnet wird. Läufe gehen weiter: Der Server hängt nicht von dieser Seite ab.',
    kept: (time) => `Ihre Arbeit ist sicher: Dieser Browser hat um ${time} alles aufgehoben, was offen ist. Neu laden bringt es zurück.`,
    atRest: 'Nichts ist verloren: Seit die Seite geöffnet wurde, hat sich nichts geändert.',
    unkept: 'Dieser Browser hebt ungespeicherte Änderungen nicht auf. Laden Sie den Workflow herunter, bevor Sie die Seite neu laden.',
    reload: 'Neu laden', again: 'Bleibt er danach wieder stehen, ist es dieser Workflow, der sich nicht zeichnen lässt. Sie können ihn herunterladen und schließen; die anderen bleiben offen.',
    download: 'Workflow herunterladen', without: 'Herunterladen und schließen', details: 'Einzelheiten für eine Meldung', copy: 'Einzelheiten kopieren', copied: 'Kopiert', notCopied: 'Der Browser lässt diese Seite nicht kopieren. Markieren Sie den Text darunter.',
  },
};
