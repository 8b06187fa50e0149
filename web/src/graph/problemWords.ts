/** Sentences about what a server finds wrong with an input, from its code and its facts. */

/** What is known of one error. Names are those that the cards show. */
export interface ProblemFacts {
  input: string;
  /** What stands in the input, or the type that comes in by its link. */
  value: string;
  /** The type of socket, or the kind of value, that is needed. */
  needed: string;
  /** What would do, the nearest first. */
  near: readonly string[];
  /** Limits of a number; empty where there is none. */
  min: string;
  max: string;
  /** The card at the other end of the link. */
  linked: string;
  /** The way round a circle. */
  way: string;
  /** Of a model file: its folder, how to fetch it, and where it is published. */
  folder: string;
  command: string;
  repository: string;
  path: string;
  /** Whether a licence must be accepted first. */
  isGated: boolean;
}

/** What is wrong, and what to do. */
export interface Said {
  what: string;
  todo: string;
}

export type ProblemKind =
  | 'missing_link' | 'missing_value' | 'wrong_link' | 'wrong_value' | 'out_of_range' | 'not_in_list' | 'missing_model' | 'missing_file'
  | 'cycle' | 'dangling_link' | 'output_out_of_range';

/** Refusals of a whole run. */
export type RefusalKind = 'no_output' | 'worker_not_ready' | 'server_stopping' | 'queue_full' | 'validation_timeout' | 'graph_too_large';

/** A language's sentences. */
export interface ProblemWords {
  kinds: Readonly<Record<ProblemKind, (facts: ProblemFacts) => Said>>;
  refusals: Readonly<Record<RefusalKind, Said>>;
  /** Names of kinds of value, by the server's type. */
  values: Readonly<Record<string, string>>;
  decimalSign: string;
  /** An input, and a card, as a sentence names them. */
  input: (name: string) => string;
  node: (title: string, id: string) => string;
}

/** Kinds by our own code; of those that are two, one of a link and one of a value. */
const KINDS: Readonly<Record<string, ProblemKind | readonly [link: ProblemKind, value: ProblemKind]>> = {
  missing_input: ['missing_link', 'missing_value'], wrong_type: ['wrong_link', 'wrong_value'], out_of_range: 'out_of_range', not_in_list: 'not_in_list',
  missing_model: 'missing_model', missing_file: 'missing_file', cycle: 'cycle', dangling_link: 'dangling_link', output_out_of_range: 'output_out_of_range',
};

/** Our own code for the types of servers that give none. */
const CODES: Readonly<Record<string, string>> = {
  required_input_missing: 'missing_input', return_type_mismatch: 'wrong_type', invalid_input_type: 'wrong_type',
  value_smaller_than_min: 'out_of_range', value_bigger_than_max: 'out_of_range', value_not_in_list: 'not_in_list',
};

/** Which sentence an error is told in; undefined where there is none for it. */
export function kindOf(code: string, type: string, isLink: boolean): ProblemKind | undefined {
  const found = KINDS[code in KINDS ? code : (CODES[type] ?? '')];
  return typeof found === 'string' || found === undefined ? found : found[isLink ? 0 : 1];
}
