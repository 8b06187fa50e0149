import type { MouseEvent, ReactNode } from 'react';

const PATHS = {
  nodes: 'M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM17 14v6M14 17h6',
  workflows: 'M4 6a2 2 0 0 1 2-2h4l2 3h6a2 2 0 0 1 2 2v9a2 2 0 0 1-2 2H6a2 2 0 0 1-2-2z',
  keyboard: 'M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M8 14.5h8',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5zM9 14.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z',
  undo: 'M8.500 13.500 4 9l4.500-4.500M4 9h10.500a5 5 0 0 1 0 10H11',
  redo: 'M15.500 13.500 20 9l-4.500-4.500M20 9H9.500a5 5 0 0 0 0 10H13',
  panel: 'M4 5h16v14H4zM15 5v14',
  close: 'M6 6l12 12M18 6 6 18',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4 4',
  save: 'M5 4h11l3 3v13H5zM8.500 4v4.500H15V4M8.500 20v-6.500h7V20',
  open: 'M14 3H6.500v18h11V6.500zM14 3v3.500h3.500M12 17.500v-7M9 13.500l3-3 3 3',
  gallery: 'M4 5h16v14H4zM4 16.500l5-5 4 4 2.500-2.500 4.500 4.500M15.500 9h.01',
  retry: 'M20 12a8 8 0 1 1-2.500-5.800L20 8.500M20 4v4.500h-4.500',
  up: 'M12 19V6M6.500 11.500 12 6l5.500 5.500',
  down: 'M12 5v13M6.500 12.500 12 18l5.500-5.500',
  front: 'M12 20V9.500M6.500 15 12 9.500l5.500 5.500M5 4.500h14',
  chevron: 'm7 10 5 5 5-5',
  spark: 'M11 4l1.900 5.100L18 11l-5.100 1.900L11 18l-1.900-5.100L4 11l5.100-1.900zM19 15.500v5M16.500 18h5',
  templates: 'M4 4h16v6.500H4zM4 14.500h7V20H4zM15 14.500h5V20h-5z',
  blank: 'M7 3h7l5 5v13H7zM14 3v5h5M13 12v6M10 15h6',
  history: 'M4 12a8 8 0 1 0 2.500-5.800L4 8.500M4 4v4.500h4.500M12 8v4.500l3 2',
  pen: 'M5 19l1-4L16 5l3 3L9 18zM14 7l3 3',
  graph: 'M4 5h6v5H4zM14 14h6v5h-6zM10 7.500h3a4 4 0 0 1 4 4V14',
  simple: 'M4 4h16v10H4zM4 18h16M4 21h10',
  plus: 'M12 5v14M5 12h14',
  grid: 'M4 4h16v16H4zM4 9.300h16M4 14.700h16M9.300 4v16M14.700 4v16',
  lasso: 'M7 15.500c-2.500-1-4-2.800-4-5C3 6.900 7 4.500 12 4.500s9 2.400 9 6-4 6-9 6c-1 0-2-.1-2.900-.3M7 14a2 2 0 1 0 0 4 2 2 0 0 0 0-4zM8.500 17.500c.5 1.500 0 2.500-1 3.500',
  left: 'M14 6l-6 6 6 6',
  right: 'm10 6 6 6-6 6',
} as const;

export type IconName = keyof typeof PATHS;

/** A line drawing that takes the colour of the text around it. */
export function Icon({ name }: { name: IconName }): ReactNode {
  return (
    <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" fill="none" stroke="currentColor" strokeWidth="1.7" strokeLinecap="round" strokeLinejoin="round">
      <path d={PATHS[name]} />
    </svg>
  );
}

interface IconButtonProps {
  icon: IconName;
  label: string;
  onClick: (event: MouseEvent<HTMLButtonElement>) => void;
  pressed?: boolean;
  disabled?: boolean;
  className?: string;
}

/** A button that shows only an icon and names itself to everyone else. */
export function IconButton({ icon, label, onClick, pressed, disabled = false, className = '' }: IconButtonProps): ReactNode {
  return (
    <button type="button" className={`icon ${className}`} aria-label={label} title={label} aria-pressed={pressed} disabled={disabled} onClick={onClick}>
      <Icon name={icon} />
    </button>
  );
}
