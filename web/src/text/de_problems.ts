/** German sentences about what the server finds wrong with a workflow. Fetched with the first refusal. */
import type { ProblemFacts, ProblemWords } from '../graph/problemWords';

function quoted(names: readonly string[]): string {
  return names.map((name) => `„${name}“`).join(' oder ');
}

function near({ near: names }: ProblemFacts, otherwise: string): string {
  return names.length > 0 ? `Meinten Sie ${quoted(names)}?` : otherwise;
}

function linkTo({ needed, near: names }: ProblemFacts): string {
  return names.length > 0 ? `Verbinden Sie ihn mit einem Ausgang vom Typ ${needed}, etwa dem von ${quoted(names)}.` : `Verbinden Sie ihn mit einem Ausgang vom Typ ${needed}.`;
}

function range({ min, max }: ProblemFacts): string {
  if (min === '') return max === '' ? 'in seinen Grenzen liegen' : `höchstens ${max} sein`;
  return max === '' ? `mindestens ${min} sein` : `zwischen ${min} und ${max} liegen`;
}

function fetching({ command, folder, repository, path, isGated }: ProblemFacts): string {
  const licence = isGated ? ' (nachdem Sie dort die Lizenz angenommen haben)' : '';
  return command ? `Führen Sie \`${command}\` aus, oder laden Sie ${path} von ${repository} auf Hugging Face${licence} nach ${folder}.` : `Legen Sie sie in ${folder} ab.`;
}

const FOLDERS: Readonly<Record<string, string>> = { input: 'im Eingabeordner', input_latents: 'im Eingabeordner', output: 'im Ausgabeordner', temp: 'im Ordner für Vorläufiges' };

export const DE_PROBLEMS: ProblemWords = {
  kinds: {
    missing_link: (facts) => ({ what: `Der Eingang „${facts.input}“ ist nicht verbunden.`, todo: linkTo(facts) }),
    missing_value: (facts) => ({ what: `Das Feld „${facts.input}“ hat keinen Wert.`, todo: `Geben Sie ihm ${facts.needed}.` }),
    wrong_link: (facts) => ({ what: `Der Eingang „${facts.input}“ braucht ${facts.needed}, aber ${facts.linked || 'seine Verbindung'} gibt ${facts.value}.`, todo: linkTo(facts) }),
    wrong_value: (facts) => ({ what: `Das Feld „${facts.input}“ braucht ${facts.needed}, enthält aber „${facts.value}“.`, todo: near(facts, 'Setzen Sie es neu.') }),
    out_of_range: (facts) => ({ what: `Der Wert von „${facts.input}“ muss ${range(facts)}, ist aber ${facts.value}.`, todo: '' }),
    not_in_list: (facts) => ({ what: `„${facts.value}“ steht bei „${facts.input}“ nicht zur Wahl.`, todo: near(facts, 'Wählen Sie etwas anderes.') }),
    missing_model: (facts) => ({ what: `„${facts.input}“: Die Datei „${facts.value}“ ist nicht in ${facts.folder}.`, todo: fetching(facts) }),
    missing_file: (facts) => ({ what: `„${facts.input}“: Die Datei „${facts.value}“ ist nicht ${FOLDERS[facts.folder] ?? `in ${facts.folder}`}.`, todo: near(facts, 'Laden Sie sie hoch, oder wählen Sie eine andere.') }),
    cycle: (facts) => ({ what: `Er braucht sein eigenes Ergebnis: ${facts.way}.`, todo: 'Entfernen Sie eine dieser Verbindungen.' }),
    dangling_link: (facts) => ({ what: `Der Eingang „${facts.input}“ ist mit einem Knoten verbunden, den es nicht gibt: ${facts.linked}.`, todo: linkTo(facts) }),
    output_out_of_range: (facts) => ({ what: `Der Eingang „${facts.input}“ ist mit einem Ausgang verbunden, den ${facts.linked} nicht hat.`, todo: linkTo(facts) }),
  },
  refusals: {
    no_output: { what: 'Der Workflow hat keine Ausgabe, es würde also nichts laufen.', todo: 'Fügen Sie eine Karte hinzu, die etwas speichert oder zeigt, etwa „Bild speichern“.' },
    worker_not_ready: { what: 'Der Server kann gerade nichts ausführen.', todo: 'Er startet noch, oder ein Arbeitsprozess ist beendet. Versuchen Sie es gleich noch einmal.' },
    server_stopping: { what: 'Der Server wird beendet und nimmt keine Läufe mehr an.', todo: 'Starten Sie den Lauf noch einmal, wenn er wieder da ist.' },
    queue_full: { what: 'Es warten so viele Läufe, dass der Server keine weiteren annimmt.', todo: 'Versuchen Sie es noch einmal, wenn einige zu Ende sind.' },
    validation_timeout: { what: 'Die eigenen Prüfungen der Knoten haben zu lange gedauert.', todo: 'Versuchen Sie es noch einmal; vielleicht liegt eine Datei auf einem langsamen Datenträger.' },
    graph_too_large: { what: 'Der Workflow hat mehr Knoten, als dieser Server annimmt.', todo: 'Teilen Sie ihn auf, oder bitten Sie um eine höhere Grenze.' },
  },
  values: { INT: 'eine ganze Zahl', FLOAT: 'eine Zahl', STRING: 'einen Text', BOOLEAN: 'an oder aus', COMBO: 'einen der angebotenen Werte' },
  decimalSign: ',',
  input: (name) => `„${name}“`,
  node: (title, id) => (title ? `${title} (Knoten ${id})` : `Knoten ${id}`),
};
