/** English words of opening files and of what became of them. */
export const EN_OPENING = {
  drop: 'Drop it to open it', dropHint: 'Workflows as JSON, and pictures with or without one. Each gets a tab of its own.',
  unreadable: 'The browser cannot read it: it may be a folder, or gone. Drop the files that are in it.',
  manyTitle: (count: number) => `Open ${count} files?`, manyText: 'Each workflow gets a tab of its own.',
  all: (count: number) => `Open all ${count}`, some: (count: number) => `Only the first ${count}`,
  pastedName: 'Pasted workflow', pasteTitle: 'A workflow is on the clipboard', pasteText: (count: number) => `It has ${count === 1 ? '1 node' : `${count} nodes`}.`,
  importedFrom: (tool: string) => `Made into a workflow for SD3.5 from the words of ${tool || 'another tool'}.`, prompt: 'prompt', negative: 'negative prompt',
  pasteOpen: 'Open it in a tab', pasteHere: 'Add its nodes here',
};
