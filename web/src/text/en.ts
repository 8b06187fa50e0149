/** Every word the user sees, in English. The other languages have the type of this table. */

/** Friendlier names of common node types; others keep the server's display name. */
const NODE_TITLES: Readonly<Record<string, string>> = {
  CheckpointLoaderSimple: 'Load checkpoint',
  TripleCLIPLoader: 'Load three encoders',
  DualCLIPLoader: 'Load two encoders',
  CLIPLoader: 'Load encoder',
  UNETLoader: 'Load diffusion model',
  VAELoader: 'Load VAE',
  LoraLoader: 'Load LoRA',
  ControlNetLoader: 'Load ControlNet',
  CLIPTextEncode: 'Prompt',
  CLIPTextEncodeSD3: 'Prompt SD3',
  ConditioningCombine: 'Combine',
  ConditioningZeroOut: 'Zero out',
  ConditioningSetTimestepRange: 'Timestep range',
  ModelSamplingSD3: 'Model sampling SD3',
  KSampler: 'KSampler',
  KSamplerAdvanced: 'KSampler advanced',
  EmptySD3LatentImage: 'Empty SD3 latent',
  EmptyLatentImage: 'Empty latent',
  VAEDecode: 'Decode',
  VAEEncode: 'Encode',
  LoadImage: 'Load image',
  SaveImage: 'Save image',
  PreviewImage: 'Preview image',
  PreviewAny: 'Preview anything',
  EmptyImage: 'Empty image',
  ImageInvert: 'Invert image',
  ImageBlend: 'Blend images',
  SkipLayerGuidanceSD3: 'Skip layer guidance SD3',
  SkipLayerGuidanceDiT: 'Skip layer guidance DiT',
  PrimitiveInt: 'Whole number',
  PrimitiveFloat: 'Number',
  PrimitiveString: 'Text',
  PrimitiveBoolean: 'Switch',
};

/** Friendlier names of common inputs; others show their own name. */
const INPUT_LABELS: Readonly<Record<string, string>> = {
  ckpt_name: 'file', clip_name: 'file', clip_name1: 'clip 1', clip_name2: 'clip 2', clip_name3: 'clip 3', unet_name: 'file', vae_name: 'file',
  lora_name: 'file', control_net_name: 'file', sampler_name: 'sampler', batch_size: 'batch', filename_prefix: 'file name',
  control_net: 'ControlNet', strength_model: 'on the model', strength_clip: 'on the encoders',
};

export const EN = {
  nodeTitles: NODE_TITLES,
  inputLabels: INPUT_LABELS,
  untitled: 'Untitled workflow',
  actions: {
    run: 'Run', cancel: 'Cancel', save: 'Save', open: 'Open', newWorkflow: 'New', undo: 'Undo', redo: 'Redo',
    addNode: 'Add node', nodes: 'Nodes', workflows: 'Workflows', shortcuts: 'Keyboard shortcuts', panel: 'Side panel',
    lightTheme: 'Light theme', darkTheme: 'Dark theme', fit: 'Fit', tidy: 'Tidy', zoomIn: 'Zoom in', zoomOut: 'Zoom out',
    zoomReset: (percent: number) => `${percent} %: zoom to 100 %`, close: 'Close', copies: 'Number of runs', rename: 'Rename', duplicate: 'Duplicate',
    remove: 'Delete', mute: 'Mute', unmute: 'Unmute', bypass: 'Bypass', unbypass: 'Stop bypassing', fold: 'Fold',
    unfold: 'Unfold', upload: 'Upload a picture', command: 'Add a node…', download: 'Download', loadItsWorkflow: 'Open its workflow',
    useInstead: (value: string) => `Use “${value}”`, showNode: 'Show node', dropJob: 'Remove from queue',
    previous: 'Previous picture', next: 'Next picture',
  },
  restore: {
    title: 'Unsaved changes of other windows', later: 'Later', discard: 'Discard', open: 'Open them',
    text: (count: number) => `${count === 1 ? 'A window' : `${count} windows`} of the editor ended with changes that were not saved.`,
  },
  documents: {
    open: 'Open workflows', close: (name: string) => `Close ${name}`, hint: (name: string) => `${name}: double-click renames`,
    closeTitle: (name: string) => `Save “${name}”?`, closeText: 'It has changes that are not saved.', discard: 'Discard changes',
  },
  regions: {
    top: 'Workflow', canvas: 'Graph', rail: 'Tools', drawer: 'Drawer', panel: 'Side panel', status: 'Status', zoom: 'View',
    minimap: 'Overview',
  },
  fields: {
    name: 'Workflow name', search: 'Search nodes', title: 'Title', control: (label: string) => `${label}: after each run`,
    menu: (title: string) => `Menu of ${title}`, source: (label: string) => `${label} comes from`, notLinked: 'not linked',
  },
  controls: { fixed: 'fixed', randomize: 'random', increment: '+1', decrement: '−1' },
  tabs: { inspector: 'Inspector', queue: 'Queue', gallery: 'Gallery', problems: 'Problems' },
  connection: { connecting: 'connecting', connected: 'connected', reconnecting: 'reconnecting' },
  card: {
    label: (title: string, id: string) => `${title} (node ${id})`,
    input: (name: string, card: string) => `input ${name} of ${card}`,
    output: (name: string, card: string) => `output ${name} of ${card}`,
    link: (from: string, to: string) => `link from ${from} to ${to}`,
    warning: (card: string, message: string) => `Warning of ${card}: ${message}`,
    linked: 'linked', waiting: 'waiting', cached: 'cached', running: 'running', muted: 'muted', bypassed: 'bypassed',
    ready: 'not run yet', noPicture: 'The picture appears here', unknown: 'This server has no such node. Its data is kept.',
    step: (value: number, max: number) => `step ${value} of ${max}`, each: (time: string) => `${time} each`,
    more: (count: number) => `${count} more`, less: 'Fewer', moreOf: 'Rarely needed inputs',
    left: (time: string) => `${time} left`, missing: (value: string) => `⚠ ${value}`, notFound: (value: string) => `${value}: not found on the server`,
  },
  queue: {
    empty: 'Nothing has run yet. Press Run, or Ctrl + Enter.', waiting: 'waiting', running: 'running', done: 'done',
    failed: 'failed', cancelled: 'cancelled', cached: (count: number, all: number) => `${count} of ${all} nodes cached`,
  },
  gallery: { empty: 'Finished pictures appear here.', picture: (name: string) => `Picture ${name}` },
  problems: { none: 'No problems.', whole: 'The workflow', warning: 'Warning' },
  inspector: {
    nothing: 'Select a card to see its inputs and help.', many: (count: number) => `${count} cards selected`,
    node: (type: string, id: string) => `${type} · node ${id}`, inputs: 'Inputs', outputs: 'Outputs', about: 'About',
  },
  palette: { title: 'Add a node', none: 'No node matches.', fits: (type: string) => `Nodes that fit ${type}` },
  workflows: { examples: 'Examples', none: 'The server lists no examples.', file: 'Open a file…' },
  starting: {
    connecting: 'Connecting to the server…', connectingHint: 'It is started with “sd35graph serve”. This page goes on by itself once it answers.',
    loading: 'The server is starting…', loadingHint: 'It loads its nodes; the first time this takes up to a minute.',
    failed: 'The server did not tell its nodes.', again: 'Ask again',
  },
  empty: {
    title: 'An empty canvas', picture: 'Make a picture now', pictureHint: 'Opens the example on the built-in model, ready to run.',
    templates: 'Examples', templatesHint: 'Large, Turbo and Medium, each with a good layout.', file: 'Open a file',
    fileHint: 'A workflow as JSON, or a saved picture.',
  },
  status: {
    nodes: (count: number) => (count === 1 ? '1 node' : `${count} nodes`), dirty: 'unsaved changes', clean: 'saved',
    memory: (device: string, used: string, all: string) => `${device} · ${used} of ${all} GB used`,
    queue: (count: number) => `${count} in queue`, me: (name: string, role: string) => `${name} (${role})`,
  },
  fault: {
    title: 'The editor stopped.', what: 'Your changes are kept in this browser. Reload the page to go on.', reload: 'Reload',
  },
  refusals: {
    same_node: 'A node cannot feed itself.', no_such_socket: 'There is no such socket.',
    wrong_type: 'These types do not fit.', cycle: 'That link would close a circle.',
  },
  notes: {
    queued: 'Queued.', loaded: (name: string) => `Opened “${name}”.`, saved: (name: string) => `Saved “${name}”.`,
    refused: 'The workflow was not accepted. See Problems.', partly: 'Some outputs cannot run. See Problems.',
    retried: (reason: string) => `The run starts again: ${reason}.`,
    others: (count: number) => (count === 1 ? 'One more thing was left out.' : `${count} more things were left out.`),
    failed: 'The run failed. See Problems.', failedElsewhere: (name: string) => `The run of “${name}” failed. See Problems there.`, restored: 'Your tabs are back, with what was not saved.', pasted: (n: number) => (n === 1 ? 'Pasted 1 node.' : `Pasted ${n} nodes.`),
  },
  errors: {
    login: 'The server asks who you are.',
    unreachable: 'The server cannot be reached. Is it still running?',
    notJson: (url: string, status: number) => `The server answered ${url} with status ${status} and no JSON.`,
    status: (path: string, status: number, why: string) => (why ? `${path}: ${why}` : `${path} answered with status ${status}.`),
    upload: (name: string, why: string) => `“${name}” was not accepted. ${why}`, uploadHint: 'It is not a picture that can be read; PNG, JPEG and WebP can be.',
    notWorkflow: (name: string, why: string) => `“${name}” cannot be opened. ${why}`,
    noText: 'The picture holds no workflow. To use it as a picture, drop it on the canvas.', emptyFile: 'The file is empty.',
    notParsed: (why: string) => `It is not valid JSON; it may be cut off. ${why}`,
    noLoader: 'It is a picture without a workflow, and the server has no node LoadImage that could load it.',
    noRoom: 'The browser has no room to keep unsaved changes. Save your workflows, or free space for this site.',
    noJournal: (why: string) => `The browser keeps no unsaved changes of this page, so save often. ${why}`,
  },
  problem: {
    unknownNode: (type: string) => `The server has no node “${type}”.`,
    unknownNodeDetail: 'Install the pack that brings it, or replace the node.',
    missingInput: (input: string) => `The input “${input}” needs a link or a value.`,
    notAvailable: (input: string, value: string) => `${input}: “${value}” is not available.`,
  },
  shortcuts: [
    ['Ctrl + Enter', 'Run'], ['Ctrl + K, double-click', 'Add a node'], ['Ctrl + Z, Ctrl + Shift + Z', 'Undo, redo'],
    ['Ctrl + C, X, V', 'Copy, cut, paste'], ['Ctrl + D', 'Duplicate'], ['Delete', 'Delete the selection'],
    ['Ctrl + A', 'Select all'], ['Shift + drag', 'Select an area'], ['Ctrl + M', 'Mute'], ['Ctrl + B', 'Bypass'],
    ['Ctrl + S', 'Save'], ['Ctrl + O', 'Open'], ['Arrow keys', 'Move the selection'], ['F', 'Fit the graph'],
  ] satisfies [string, string][],
};

/** What the table of every language holds. */
export type Texts = typeof EN;
