/** English words of the saved workflows: their folders, what was deleted, and how versions differ. */
export const EN_LIBRARY = {
  moveTitle: (name: string) => `Rename or move “${name}”`, moved: (name: string, folder: string) => (folder === '' ? `“${name}” lies in no folder now.` : `“${name}” lies in “${folder}” now.`),
  folder: (name: string) => `Folder ${name}`,
  removeTitle: (name: string) => `Delete the folder “${name}”?`, removeText: (count: number) => `It holds ${count} workflows. They go to “Recently deleted”, with their versions.`,
  removed: (name: string) => `“${name}” is under “Recently deleted” now.`, changed: (names: string) => `Changed meanwhile, so not deleted: ${names}`,
  deleted: 'Recently deleted', noneDeleted: 'Nothing that was deleted is left.', deletedAt: (date: string) => `deleted ${date}`,
  bringBack: (name: string) => `Bring back ${name}`, bringBackAll: (folder: string, count: number) => `Bring back all ${count} of ${folder}`, bringBackShort: 'Bring back', all: (count: number) => `Bring back all ${count}`,
  back: (name: string) => `“${name}” is back, with its versions.`, backAll: (count: number) => `${count} workflows are back, with their versions.`,
  taken: (names: string) => `Not brought back, since there is another workflow of that name now: ${names}`,
  forgetTitle: (name: string) => `Delete “${name}” for good?`, forgetText: 'All of its versions are removed. Nothing brings them back.', forget: 'Delete for good', forgetOne: (name: string) => `Delete ${name} for good`,
  more: (count: number) => `${count} older ones are not listed.`,
  unreadableVersion: (why: string) => `This version cannot be read: ${why} The others are not affected.`,
  unreadableNow: (why: string) => `What is saved now cannot be read, so there is nothing to compare with: ${why}`,
};
