/** What of a document could not be understood, and what was done about it. */

/**
 * - `unknown_node`: the server has no node of this type; it is kept.
 * - `broken_node`: an entry of the list of nodes without id or type; it stays in the file and is not shown.
 * - `same_id`: a node whose id an earlier one has; it stays in the file and is not shown.
 * - `broken_link`: an entry of the list of links that is none; it stays in the file.
 * - `loose_link`: a link to or from a node or socket that is not there; it stays in the file.
 * - `second_link`: a link into an input that another link feeds; it stays in the file.
 * - `missing_link`: a socket names a link that is not there; it counts as not linked.
 * - `broken_group`: a group that is none; it was left out.
 * - `default_taken`: a value was missing; its default was taken.
 * - `no_number`: values that are written `NaN` or `Infinity`, `subject` times; they were read as nothing.
 * - `surplus_values`: `subject` values more than the node has widgets; they stay in the file.
 * - `wrong_value`: a widget's value is of another kind than the widget takes.
 * - `other_model`, `other_sampler`, `other_number`: of a picture made by another tool, `given → taken`.
 * - `no_lora`, `no_second_pass`, `no_first_picture`, `no_place`: what of such a picture the workflow does not do.
 * - `broken_subgraph`: an entry of the list of subgraphs without id; it stays in the file.
 */
export type FindingCode =
  | 'unknown_node' | 'broken_node' | 'same_id' | 'broken_link' | 'loose_link' | 'second_link' | 'missing_link' | 'broken_group'
  | 'default_taken' | 'no_number' | 'surplus_values' | 'wrong_value'
  | 'other_model' | 'other_sampler' | 'other_number' | 'no_lora' | 'no_second_pass' | 'no_first_picture' | 'no_place' | 'broken_subgraph';

export interface Finding {
  code: FindingCode;
  /** The node it is about; null where there is none. */
  node: string | null;
  /** What it is about, to be put into a sentence: a type, a link's number, an input's name. */
  subject: string;
  /** The subgraph that holds the node. */
  within?: string;
}

/** What is known of how an open document was read. */
export interface Report {
  /** The file, or what else it came from. */
  source: string;
  /** The tool whose words were translated, empty where it did not say its name; null where it was a workflow. */
  tool: string | null;
  findings: readonly Finding[];
}
