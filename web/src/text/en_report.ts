/** English words of the report on an opened file: each kind of finding, and what to do about it. Fetched with the report. */
import type { FindingCode } from '../graph/report';

interface Advice {
  title: string;
  todo: string;
}

const LOST_LINK = 'Draw the link anew where it is needed.';
const IN_FILE = 'Nothing is lost: saving writes it as it was. To use it, mend the file in a text editor.';

const ADVICE: Readonly<Record<FindingCode, Advice>> = {
  unknown_node: { title: 'Nodes that this server does not have', todo: 'They are kept, with their values and links. Install the pack that brings them, or put another node in their place.' },
  broken_node: { title: 'Nodes without an id or a type', todo: IN_FILE },
  same_id: { title: 'Nodes with the same id', todo: IN_FILE },
  broken_link: { title: 'Entries that are no links', todo: IN_FILE },
  loose_link: { title: 'Links that lead nowhere', todo: `They stay in the file and do nothing. ${LOST_LINK}` },
  second_link: { title: 'Links into an input that has one', todo: `They stay in the file and do nothing. ${LOST_LINK}` },
  missing_link: { title: 'Links that the file does not hold', todo: LOST_LINK },
  broken_group: { title: 'Entries that are no groups', todo: 'They were left out. Group the cards anew (G).' },
  default_taken: { title: 'Values that the file does not give', todo: 'The defaults were taken. Look whether they suit.' },
  no_number: { title: 'Numbers that JSON does not have', todo: 'Programs in Python write them. Look whether an input is empty that should not be.' },
  surplus_values: { title: 'Values without a widget', todo: 'The file was made for another version of the node. Look whether its values are right.' },
  wrong_value: { title: 'Values of another kind', todo: 'The file was made for another version of the node. Set these values anew.' },
  other_model: { title: 'Another model', todo: 'Fit the words and the settings to SD3.5: it likes sentences, 20 to 40 steps and a CFG of 4 to 5.' },
  other_sampler: { title: 'Another sampler or schedule', todo: 'The nearest was taken. Choose another where it does not suit.' },
  other_number: { title: 'Numbers that were fitted', todo: 'Look whether they suit.' },
  no_lora: { title: 'LoRAs', todo: 'For one that was trained on SD3.5, add the node “Load LoRA” behind the checkpoint.' },
  no_second_pass: { title: 'A second pass', todo: 'For more detail, enlarge the latent and sample it again with a denoise of about 0.5.' },
  no_first_picture: { title: 'A picture to begin with', todo: 'Add “Load image” and “Encode”, link them to the sampler, and set its denoise.' },
  no_place: { title: 'Other settings', todo: 'Nothing needs to be done: SD3.5 has no use for most of them.' },
  broken_subgraph: { title: 'Subgraphs without an id', todo: IN_FILE },
};

export const EN_REPORT = {
  advice: ADVICE, heading: 'About the file', from: (source: string) => `What of “${source}” was not understood, and what became of it.`,
  made: (source: string, tool: string) => `“${source}” was made by ${tool || 'another tool'}. What could not be taken over:`,
  within: (subgraph: string) => `in the subgraph “${subgraph}”`, more: (count: number) => `and ${count} more`,
};

export type ReportWords = typeof EN_REPORT;
