/** German words of the report on an opened file. Fetched with the report. */
import type { ReportWords } from './en_report';

const LOST_LINK = 'Ziehen Sie die Verbindung neu, wo sie gebraucht wird.';
const IN_FILE = 'Nichts geht verloren: Beim Speichern wird es geschrieben, wie es war. Um es zu verwenden, berichtigen Sie die Datei in einem Texteditor.';

const ADVICE: ReportWords['advice'] = {
  unknown_node: { title: 'Knoten, die dieser Server nicht hat', todo: 'Sie bleiben mit ihren Werten und Verbindungen erhalten. Installieren Sie das Paket, das sie mitbringt, oder setzen Sie einen anderen Knoten an ihre Stelle.' },
  broken_node: { title: 'Knoten ohne Kennung oder Typ', todo: IN_FILE },
  same_id: { title: 'Knoten mit derselben Kennung', todo: IN_FILE },
  broken_link: { title: 'Einträge, die keine Verbindungen sind', todo: IN_FILE },
  loose_link: { title: 'Verbindungen, die nirgends hinführen', todo: `Sie bleiben in der Datei und bewirken nichts. ${LOST_LINK}` },
  second_link: { title: 'Verbindungen in einen Eingang, der schon eine hat', todo: `Sie bleiben in der Datei und bewirken nichts. ${LOST_LINK}` },
  missing_link: { title: 'Verbindungen, die nicht in der Datei stehen', todo: LOST_LINK },
  broken_group: { title: 'Einträge, die keine Gruppen sind', todo: 'Sie wurden weggelassen. Gruppieren Sie die Karten neu (G).' },
  default_taken: { title: 'Werte, die die Datei nicht nennt', todo: 'Die Vorgaben gelten. Sehen Sie nach, ob sie passen.' },
  no_number: { title: 'Zahlen, die es in JSON nicht gibt', todo: 'Programme in Python schreiben so etwas. Sehen Sie nach, ob ein Eingang leer ist, der es nicht sein soll.' },
  surplus_values: { title: 'Werte ohne Feld', todo: 'Die Datei wurde für eine andere Fassung des Knotens gemacht. Sehen Sie nach, ob seine Werte stimmen.' },
  wrong_value: { title: 'Werte anderer Art', todo: 'Die Datei wurde für eine andere Fassung des Knotens gemacht. Setzen Sie diese Werte neu.' },
  other_model: { title: 'Ein anderes Modell', todo: 'Passen Sie Worte und Einstellungen an SD3.5 an: Es mag ganze Sätze, 20 bis 40 Schritte und ein CFG von 4 bis 5.' },
  other_sampler: { title: 'Ein anderer Sampler oder Zeitplan', todo: 'Der ähnlichste wurde genommen. Wählen Sie einen anderen, wo er nicht passt.' },
  other_number: { title: 'Angepasste Zahlen', todo: 'Sehen Sie nach, ob sie passen.' },
  no_lora: { title: 'LoRAs', todo: 'Für eine, die auf SD3.5 trainiert wurde, fügen Sie hinter dem Checkpoint den Knoten „LoRA laden“ ein.' },
  no_second_pass: { title: 'Ein zweiter Durchgang', todo: 'Für mehr Einzelheiten vergrößern Sie das Latent und sampeln es noch einmal, mit einem Entrauschen von etwa 0,5.' },
  no_first_picture: { title: 'Ein Bild als Anfang', todo: 'Fügen Sie „Bild laden“ und „Kodieren“ ein, verbinden Sie sie mit dem Sampler, und stellen Sie dessen Entrauschen ein.' },
  no_place: { title: 'Andere Einstellungen', todo: 'Es ist nichts zu tun: Für die meisten hat SD3.5 keine Verwendung.' },
  broken_subgraph: { title: 'Teilgraphen ohne Kennung', todo: IN_FILE },
};

export const DE_REPORT: ReportWords = {
  advice: ADVICE, heading: 'Zur Datei', from: (source) => `Was von „${source}“ nicht verstanden wurde und was daraus geworden ist.`,
  made: (source, tool) => `„${source}“ hat ${tool || 'ein anderes Programm'} gemacht. Was nicht übernommen werden konnte:`,
  within: (subgraph) => `im Teilgraphen „${subgraph}“`, more: (count) => `und ${count} weitere`,
};
