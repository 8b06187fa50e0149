/** Words of running, the queue, the gallery, problems and widgets. */
export const EN_RUN = {
  running: {
    options: 'More ways to run', selected: 'Run selected outputs', front: 'Run before everything that waits', onChange: 'Run after each change',
    onChangeIsOn: 'runs after each change',
    noOutputs: 'None of the selected cards leads to an output. Select a card that saves or shows something.',
    earlier: 'from an earlier run', unheard: 'connection lost', why: (reason: string) => `ran: ${reason}`, wasCached: 'nothing it depends on has changed',
    neverRun: 'not run before', changed: (names: string) => `${names} changed`, input: (name: string) => `“${name}”`, unfinished: 'did not finish before',
  },
  mask: {
    paint: 'Paint a mask', title: (name: string) => `Mask of ${name}`, tools: 'Tools', brush: 'Brush', eraser: 'Eraser', size: 'Size', zoom: 'Zoom', invert: 'Invert', clear: 'Clear',
    canvas: 'Mask. Arrow keys move the brush, space paints.', hint: 'What is painted is drawn anew. Arrow keys and space paint too.', save: 'Use this mask',
  },
  feeding: { menu: 'Fields as inputs', feed: (label: string) => `Feed ${label} from a card`, back: (label: string) => `Turn ${label} back into a field` },
  placeholders: { prompt: 'Describe the picture', negative: 'What the picture should not show; may stay empty' },
  choices: { none: 'Nothing of this name.', more: (count: number) => `${count} more: type to find them.` },
  promptLength: {
    names: { clip_l: 'CLIP-L', clip_g: 'CLIP-G', t5xxl: 'T5' }, both: 'CLIP', within: (name: string, tokens: number, limit: number) => `${name} ${tokens} of ${limit}`,
    parts: (name: string, tokens: number, sections: number) => `${name} ${tokens} in ${sections} parts`, beyond: (name: string, tokens: number, limit: number) => `${name} ${tokens}, trained with ${limit}`,
    plain: (name: string, tokens: number) => `${name} ${tokens}`,
    explanation: 'Length in tokens. CLIP reads a longer text in parts. T5 reads it whole, but was not trained with more than 255.',
  },
  seeds: { takeBack: (label: string, value: string) => `${label}: take back ${value}, the last one used` },
  repairs: {
    copy: (command: string) => `Copy “${command}”`, copied: (command: string) => `Copied: ${command}`, notCopied: (command: string) => `The browser does not let this page copy. Type: ${command}`,
    add: (title: string) => `Add “${title}”`, others: 'Other nodes that fit…', replace: (title: string) => `Use “${title}” instead`,
  },
  several: { common: 'What they have in common. A change is made to all of them.', none: 'They have no field in common.', differs: 'different values' },
  pictures: {
    mark: (name: string) => `Mark ${name} to compare`, hint: 'Arrows move, Enter opens, M marks two to compare.', compareMarked: 'Compare the two marked', unmark: 'Unmark',
    compareTitle: 'Two pictures compared', compareWith: (name: string) => `Compare with ${name}`, single: 'Show one', useAsInput: 'Use as input', copy: 'Copy', copied: 'The picture is on the clipboard.',
    used: 'The picture is an input now.', noClipboard: 'The browser lets only pages over HTTPS, or of this machine, copy pictures. Use its own menu on the picture.',
    whole: (percent: number) => `${percent} %: show it whole`, divider: 'Divider', seen: (percent: number, name: string) => `${percent} % of ${name}`,
    madeWith: 'What it was made with',
    lost: {
      title: (name: string) => `“${name}” cannot be shown.`, asking: 'Asking the server why…',
      gone: (folder: string) => `Its file is no longer in the folder “${folder}” of the server: it was deleted, moved or renamed. Put it back there, or draw it anew: “Open its workflow”, then “Run”.`,
      temporary: (folder: string) => `Its file is no longer in the folder “${folder}” of the server, which is emptied when the server starts. To draw it anew: “Open its workflow”, then “Run”. “Save image” keeps pictures for good.`,
      unreadable: (folder: string) => `Its file is in the folder “${folder}” of the server, but holds no picture that the browser can read. Draw it anew: “Open its workflow”, then “Run”.`,
    },
    facts: { prompt: 'Prompt', negative: 'Negative prompt', seed: 'Seed', steps: 'Steps', cfg: 'CFG', sampler: 'Sampler', scheduler: 'Scheduler', model: 'Model', size: 'Size' },
  },
  jobs: {
    pause: 'Pause the queue', resume: 'Resume', paused: 'Paused. What runs goes on; nothing more is started.', cancelAll: 'Cancel all', cancel: (title: string) => `Cancel ${title}`,
    retry: (title: string) => `Repeat ${title}`, remove: (title: string) => `Remove ${title} from the list`, up: (title: string) => `Move ${title} up`,
    down: (title: string) => `Move ${title} down`, front: (title: string) => `Move ${title} to the front`, more: 'Load more', menu: (title: string) => `What to do with ${title}`,
    about: (time: string) => `about ${time}`, doneIn: (time: string) => `done in about ${time}`, otherWindow: 'from another window', open: 'Open its workflow',
    noWorkflow: 'Its workflow was not kept.', moved: (title: string, place: number) => `${title} is now number ${place} of those that wait.`,
    priority: (value: number) => `priority ${value}`, after: (time: string) => `after ${time}`, raise: 'Raise priority', lower: 'Lower priority',
    waitingList: 'Waiting', runningList: 'Running', endedList: 'Ended', drag: 'Drag to reorder',
  },
};
