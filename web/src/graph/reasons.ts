/** The server's reasons for running a node again. */

export type Reason = { kind: 'new' } | { kind: 'unfinished' } | { kind: 'inputs'; names: string[] } | { kind: 'other' };

const INPUT = /^(?:input|file) "(.*)"$/;

/** `input "seed", file "a.safetensors" changed` → the names; other sentences are not taken apart. */
export function readReason(reason: string): Reason {
  if (reason === 'not run before') return { kind: 'new' };
  if (reason === 'did not finish before') return { kind: 'unfinished' };
  const list = /^(.+) changed$/.exec(reason)?.[1]?.split(', ') ?? [];
  const names = list.flatMap((part) => INPUT.exec(part)?.[1] ?? []);
  return names.length > 0 && names.length === list.length ? { kind: 'inputs', names } : { kind: 'other' };
}
