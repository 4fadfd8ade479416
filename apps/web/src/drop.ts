/** Dropping files on the page, and choosing them with a dialog: both end in the same three actions. */
import { byId, element } from './element.ts';

export type FileAction = 'add' | 'picture' | 'sound';

export function acceptFiles(onFiles: (action: FileAction, files: File[]) => void): void {
  const overlay = byId('drop');
  // Enter and leave come for every child; the difference says whether the pointer is still over the page.
  let depth = 0;
  const show = (visible: boolean) => {
    overlay.hidden = !visible;
    if (!visible) depth = 0;
  };
  addEventListener('dragenter', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    depth += 1;
    show(true);
  });
  addEventListener('dragleave', () => {
    depth -= 1;
    if (depth <= 0) show(false);
  });
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    show(false);
    const zone = (event.target as Element | null)?.closest<HTMLElement>('.zone');
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length > 0) onFiles((zone?.dataset.action as FileAction | undefined) ?? 'add', files);
  });
  byId('add').addEventListener('click', () =>
    choose('audio/*,video/*', true, (files) => onFiles('add', files)),
  );
  byId('search-picture').addEventListener('click', () => {
    choose('video/*', false, (files) => onFiles('picture', files));
  });
  byId('search-sound').addEventListener('click', () => {
    choose('audio/*,video/*', false, (files) => onFiles('sound', files));
  });
}

function choose(accept: string, multiple: boolean, onFiles: (files: File[]) => void): void {
  const input = element('input', { type: 'file', accept, multiple });
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    if (files.length > 0) onFiles(files);
  });
  input.click();
}
