/** What the canvas says. */
export const EN_CANVAS = {
  menu: {
    back: 'Back', replace: 'Replace with…', align: 'Align', left: 'Left edges', centre: 'Middles, side by side', right: 'Right edges',
    top: 'Upper edges', middle: 'Middles, one above another', bottom: 'Lower edges', spreadX: 'Equal gaps, side by side', spreadY: 'Equal gaps, one above another',
    colour: 'Colour', noColour: 'No colour', colourNamed: (name: string) => `Colour ${name}`, pin: 'Pin', unpin: 'Unpin', front: 'To the front', behind: 'To the back',
    order: 'In front or behind', group: 'Group', groupTitle: 'Group', duplicateFed: 'Duplicate with links', showSelection: 'Zoom to selection', reroute: 'Insert reroute', unlink: 'Remove link',
    selectAll: 'Select all', fitGroup: 'Fit to its cards', selectContents: 'Select its cards', ungroup: 'Remove group', addNote: 'Add note', picture: 'Save as picture',
    ofLink: 'Menu of the link', ofGroup: (title: string) => `Menu of group ${title}`, ofCanvas: 'Menu of the graph',
  },
  colours: ['violet', 'blue', 'teal', 'green', 'yellow', 'orange', 'red', 'grey'],
  tools: { snap: 'Snap to grid', lasso: 'Lasso: draw around cards' },
  group: (title: string) => `Group ${title}`,
  note: { edit: 'Edit note', done: 'Show note', empty: 'An empty note. Double-click to write.', picture: (alt: string) => `picture: ${alt}` },
  says: {
    connected: (from: string, to: string) => `Connected ${from} to ${to}.`, disconnected: 'Link removed.',
    pinned: (card: string) => `${card} is pinned and stays where it is.`,
    moved: (card: string, x: number, y: number) => `${card} moved to ${x}, ${y}.`,
    selected: (count: number) => (count === 1 ? '1 card selected.' : `${count} cards selected.`),
    progress: (percent: number) => `The run is at ${percent} percent.`, finished: 'The run is finished.', failed: (message: string) => `The run failed: ${message}`,
    connecting: (socket: string, count: number) => (count === 0
      ? `Nothing fits ${socket}.` : `Connecting ${socket}. ${count} fitting ${count === 1 ? 'socket' : 'sockets'}: arrow keys choose, Enter connects, Escape ends.`),
    inside: 'Within the card. Tab goes on, Escape leads out.', noCard: 'No card there.',
  },
};
