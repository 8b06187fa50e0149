/** English sentences about what the server finds wrong with a workflow. Fetched with the first refusal. */
import type { ProblemFacts, ProblemWords } from '../graph/problemWords';

function quoted(names: readonly string[]): string {
  return names.map((name) => `“${name}”`).join(' or ');
}

function near({ near: names }: ProblemFacts, otherwise: string): string {
  return names.length > 0 ? `Did you mean ${quoted(names)}?` : otherwise;
}

function linkTo({ needed, near: names }: ProblemFacts): string {
  return names.length > 0 ? `Link it to an output of type ${needed}, such as that of ${quoted(names)}.` : `Link it to an output of type ${needed}.`;
}

function range({ min, max }: ProblemFacts): string {
  if (min === '') return max === '' ? 'in its range' : `at most ${max}`;
  return max === '' ? `at least ${min}` : `from ${min} to ${max}`;
}

function fetching({ command, folder, repository, path, isGated }: ProblemFacts): string {
  const licence = isGated ? ' (after accepting its licence there)' : '';
  return command ? `Run \`${command}\`, or get ${path} from ${repository} on Hugging Face${licence} and put it into ${folder}.` : `Put it into ${folder}.`;
}

const FOLDERS: Readonly<Record<string, string>> = { input: 'the input folder', input_latents: 'the input folder', output: 'the output folder', temp: 'the folder for temporary files' };

export const EN_PROBLEMS: ProblemWords = {
  kinds: {
    missing_link: (facts) => ({ what: `“${facts.input}” is not linked.`, todo: linkTo(facts) }),
    missing_value: (facts) => ({ what: `“${facts.input}” has no value.`, todo: `Give it ${facts.needed}.` }),
    wrong_link: (facts) => ({ what: `“${facts.input}” needs ${facts.needed}, but ${facts.linked || 'its link'} gives ${facts.value}.`, todo: linkTo(facts) }),
    wrong_value: (facts) => ({ what: `“${facts.input}” needs ${facts.needed}, but holds “${facts.value}”.`, todo: near(facts, 'Set it anew.') }),
    out_of_range: (facts) => ({ what: `“${facts.input}” must be ${range(facts)}, but is ${facts.value}.`, todo: '' }),
    not_in_list: (facts) => ({ what: `“${facts.input}” has no choice “${facts.value}”.`, todo: near(facts, 'Choose another.') }),
    missing_model: (facts) => ({ what: `“${facts.input}”: the file “${facts.value}” is not in ${facts.folder}.`, todo: fetching(facts) }),
    missing_file: (facts) => ({ what: `“${facts.input}”: the file “${facts.value}” is not in ${FOLDERS[facts.folder] ?? facts.folder}.`, todo: near(facts, 'Upload it, or choose another.') }),
    cycle: (facts) => ({ what: `It needs its own result: ${facts.way}.`, todo: 'Remove one of these links.' }),
    dangling_link: (facts) => ({ what: `“${facts.input}” is linked to a node that is not there: ${facts.linked}.`, todo: linkTo(facts) }),
    output_out_of_range: (facts) => ({ what: `“${facts.input}” is linked to an output that ${facts.linked} does not have.`, todo: linkTo(facts) }),
  },
  refusals: {
    no_output: { what: 'The workflow has no output, so nothing would run.', todo: 'Add a card that saves or shows something, such as “Save image”.' },
    worker_not_ready: { what: 'The server cannot run anything just now.', todo: 'It is starting, or a worker has ended. Try again in a moment.' },
    server_stopping: { what: 'The server is being stopped and takes no more runs.', todo: 'Run it again when the server is back.' },
    queue_full: { what: 'So many runs wait that the server takes no more.', todo: 'Try again when some have ended.' },
    validation_timeout: { what: 'The nodes’ own checks took too long.', todo: 'Try again; a file may be on a slow disk.' },
    graph_too_large: { what: 'The workflow has more nodes than this server takes.', todo: 'Split it, or ask for a higher limit.' },
  },
  values: { INT: 'a whole number', FLOAT: 'a number', STRING: 'text', BOOLEAN: 'on or off', COMBO: 'one of its choices' },
  decimalSign: '.',
  input: (name) => `“${name}”`,
  node: (title, id) => (title ? `${title} (node ${id})` : `node ${id}`),
};
