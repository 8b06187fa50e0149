/** What of a document could not be understood, and what was done about it, in German. */
import type { EN_FINDINGS } from './en_findings';

export const DE_FINDINGS: typeof EN_FINDINGS = {
  node: (id) => `Knoten ${id}`,
  unknown_node: (type) => `Der Server kennt den Knoten „${type}“ nicht. Er bleibt, wie er ist.`,
  broken_node: (entry) => `Ein Eintrag der Knotenliste hat keine Kennung oder keinen Typ. Er bleibt in der Datei und wird nicht gezeigt: ${entry}`,
  same_id: (type) => `Diese Kennung hat schon ein anderer Knoten. Der spätere, „${type}“, bleibt in der Datei und wird nicht gezeigt.`,
  broken_link: (entry) => `Ein Eintrag der Verbindungsliste ist keine Verbindung. Er bleibt in der Datei: ${entry}`,
  loose_link: (id) => `Verbindung ${id} führt zu oder von einem Anschluss, den es nicht gibt. Sie bleibt in der Datei und wird nicht gezeigt.`,
  second_link: (id) => `Verbindung ${id} führt in einen Eingang, den schon eine andere speist. Sie bleibt in der Datei und wird nicht gezeigt.`,
  missing_link: (id) => `Ein Eingang nennt die Verbindung ${id}, die nicht in der Datei steht. Er gilt als nicht verbunden.`,
  broken_group: (entry) => `Ein Eintrag der Gruppenliste ist keine Gruppe. Er wurde weggelassen: ${entry}`,
  default_taken: (input) => `Die Datei nennt keinen Wert für „${input}“. Die Vorgabe gilt.`,
  no_number: (count) => `${count === '1' ? 'Ein Wert steht' : `${count} Werte stehen`} als NaN oder Infinity da, was es in JSON nicht gibt. Gelesen als nichts (null).`,
  surplus_values: (count) => `Die Datei hat ${count === '1' ? 'einen Wert' : `${count} Werte`} mehr, als der Knoten Felder hat. Sie bleiben in der Datei und bewirken nichts.`,
  wrong_value: (input) => `Der Wert von „${input}“ ist von anderer Art, als der Knoten annimmt. Er steht, wie er ist; setzen Sie ihn neu.`,
  other_model: (change) => `Das Bild wurde mit einem anderen Modell gemacht (${change}). Dieselben Worte ergeben ein anderes Bild.`,
  other_sampler: (change) => `Der Sampler oder Zeitplan ist hier ein anderer (${change}).`,
  other_number: (change) => `Eine Zahl wurde an das angepasst, was der Knoten annimmt (${change}).`,
  no_lora: (name) => `LoRA „${name}“ wurde weggelassen: Sie gehört zu einer anderen Art von Modell.`,
  no_second_pass: (what) => `Der zweite Durchgang wurde weggelassen (${what}).`,
  no_first_picture: (denoise) => `Es wurde über ein anderes Bild gemalt (Entrauschen ${denoise}), das nicht in der Datei ist. Entrauschen ist hier 1.`,
  no_place: (what) => `Diese Einstellungen haben im Workflow keinen Platz: ${what}`,
  broken_subgraph: (entry) => `Ein Eintrag der Teilgraphen hat keine Kennung. Er bleibt in der Datei: ${entry}`,
};
