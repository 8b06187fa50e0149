import { useEffect, useState } from 'react';
import type { NeededFile } from '../graph/neededFiles';
import { filesOf } from '../state/templates';
import { TEXT } from '../text';
import { TemplatePicture } from './TemplatePicture';

/** The model files of a template; null until they are known. */
export function useFiles(name: string): readonly NeededFile[] | null {
  const [files, setFiles] = useState<readonly NeededFile[] | null>(null);
  useEffect(() => {
    void filesOf(name).then(setFiles);
  }, [name]);
  return files;
}

/** In a line: whether what a template needs is here. */
export function needWords(files: readonly NeededFile[]): string {
  const lacking = files.filter(({ isHere }) => !isHere).length;
  return lacking === 0 ? TEXT.templates.ready(files.length) : TEXT.templates.lacks(lacking, files.length);
}

interface TemplateProps {
  name: string;
  title: string;
  onOpen: () => void;
}

/** An example with its picture, and whether it can run. */
export function Template({ name, title, onOpen }: TemplateProps) {
  const files = useFiles(name);
  const isReady = files?.every(({ isHere }) => isHere) === true;
  return (
    <button type="button" className="template" onClick={onOpen}>
      <TemplatePicture name={name} />
      <span>{title}</span>
      <span className={isReady ? 'template-state ready' : 'template-state'}>{files ? needWords(files) : TEXT.templates.looking}</span>
    </button>
  );
}
