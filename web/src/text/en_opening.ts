/** English words of opening files and of what became of them. */
export const EN_OPENING = {
  drop: 'Drop it to open it', dropHint: 'Workflows as JSON, and pictures with or without one. Each gets a tab of its own.',
  unreadable: 'The browser cannot read it: it may be a folder, or gone. Drop the files that are in it.',
  manyTitle: (count: number) => `Open ${count} files?`, manyText: 'Each workflow gets a tab of its own.',
  all: (count: number) => `Open all ${count}`, some: (count: number) => `Only the first ${count}`,
  pastedName: 'Pasted workflow', pasteTitle: 'A workflow is on the clipboard', pasteText: (count: number) => `It has ${count === 1 ? '1 node' : `${count} nodes`}.`,
  importedFrom: (tool: string) => `Made into a workflow for SD3.5 from the words of ${tool || 'another tool'}.`, prompt: 'prompt', negative: 'negative prompt',
  linkHolds: 'The link is on the clipboard. It holds the workflow itself, as it is now: others cannot see those that you have saved.',
  linkTitle: 'Link to the workflow', linkText: 'The browser does not let this page copy. Copy the link from here.',
  linkTooLong: 'The workflow is too large for a link. Download it, and send the file.', sharedName: 'Shared workflow',
  badLink: 'The link is damaged: the workflow in it cannot be read. It may have been cut off; ask for it anew.',
  noSuch: (name: string) => `There is no workflow “${name}” here. It may have been renamed or deleted.`,
  noSuchHere: (name: string) => `You have no workflow “${name}”. Everybody here has their own; ask for a link made by “Copy a link”, which holds the workflow itself.`,
  pasteOpen: 'Open it in a tab', pasteHere: 'Add its nodes here',
};
