/** Words of the status line, the inspector and the page's own failure. */
export const EN_FRAME = {
  status: {
    nodes: (count: number) => (count === 1 ? '1 node' : `${count} nodes`), dirty: 'unsaved changes',
    memory: (device: string, used: string, all: string) => `${device} · ${used} of ${all} GB used`,
    queue: (count: number) => `${count} in queue`, me: (name: string, role: string) => `${name} (${role})`,
  },
  templates: {
    looking: 'Looking at what it needs…', ready: (files: number) => (files === 0 ? '✓ Needs no model file' : `✓ Ready to run: ${files === 1 ? 'its model file is' : `all ${files} model files are`} here`),
    lacks: (missing: number, files: number) => `⚠ ${missing} of ${files} model ${files === 1 ? 'file' : 'files'} missing`,
  },
  memory: {
    none: 'no model in memory', title: 'Models in memory', free: 'Free their memory', freed: 'The models leave the memory once nothing runs.',
    short: (name: string, others: number, size: string) => `${name}${others > 0 ? ` + ${others}` : ''} in memory · ${size}`,
    partly: (size: string, all: string) => `${size} of ${all}, the rest is brought in by turns`,
    hint: 'They stay, so that the next run starts at once, until others need the room.',
    parts: { mmdit: 'diffusion model', vae: 'VAE', clip_l: 'CLIP-L', clip_g: 'CLIP-G', t5xxl: 'T5-XXL', controlnet: 'ControlNet' },
  },
  saved: {
    untouched: 'no changes', known: 'saved', ago: (ago: string) => `saved ${ago}`, justNow: 'just now', kept: 'unsaved changes · kept in this browser',
    since: 'unsaved changes kept in this browser', unkept: 'unsaved changes, kept nowhere: save them',
    nowhere: 'It is not saved on the server.', where: (name: string, time: string) => `On the server as “${name}”${time && `, saved ${time}`}.`,
    keptAt: (time: string) => `This browser kept all changes at ${time}; they are there again after a crash, too.`,
  },
  inspector: {
    nothing: 'Select a card to see its inputs and help.', many: (count: number) => `${count} cards selected`,
    node: (type: string, id: string) => `${type} · node ${id}`, inputs: 'Inputs', settings: 'Settings', outputs: 'Outputs', about: 'About',
    goTo: (card: string) => `Go to ${card}`, usedBy: (card: string, input: string) => `${input} of ${card}`, unused: 'not used',
    type: 'Type', id: 'Node', category: 'Category', isOutput: 'Runs by itself: it saves or shows something.',
  },
  fault: {
    title: 'The editor stopped', what: 'An error in the page itself keeps it from being drawn. Runs go on: the server does not depend on this page.',
    kept: (time: string) => `Your work is safe: this browser kept everything that is open at ${time}. Reloading brings it back.`,
    atRest: 'Nothing is lost: nothing has changed since the page was opened.',
    unkept: 'This browser keeps no unsaved changes. Download the workflow before you reload.',
    reload: 'Reload', again: 'If it stops again after reloading, it is this workflow that cannot be drawn. It can be downloaded and closed; the others stay open.',
    download: 'Download the workflow', without: 'Download and close it', details: 'Details for a report', copy: 'Copy the details', copied: 'Copied', notCopied: 'The browser does not let this page copy. Select the text below.',
  },
};
