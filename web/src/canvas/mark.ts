/** Tells the style sheet what goes on, past React: nothing may be drawn again for it. */
export function mark(name: 'moving' | 'held' | 'let-go', on: boolean): void {
  document.querySelector('.canvas')?.classList.toggle(name, on);
}
