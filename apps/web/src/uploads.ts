/** Uploads, two at a time, each with a bar: the first part is sending, the rest the job that indexes the clip. */
import type { Clip } from '#catalog/catalog-service';
import { followJob, getClip, upload } from './api.ts';
import { button, byId, element } from './element.ts';

const AT_ONCE = 2;
const SENDING_SHARE = 0.3;

const STAGES: Record<string, string> = {
  queued: 'waiting',
  probe: 'looking at it',
  decode: 'decoding',
  embed: 'listening and watching',
  index: 'indexing',
  done: 'done',
};

const waiting: (() => Promise<void>)[] = [];
let running = 0;

/** @param onAdded told each clip as soon as it can be found */
export function uploadFiles(files: Iterable<File>, collection: string, onAdded: (clip: Clip) => void): void {
  for (const file of files) {
    const row = uploadRow(file.name);
    waiting.push(() => uploadOne(file, collection, row, onAdded));
  }
  pump();
}

function pump(): void {
  while (running < AT_ONCE) {
    const next = waiting.shift();
    if (!next) return;
    running += 1;
    void next().finally(() => {
      running -= 1;
      pump();
    });
  }
}

async function uploadOne(
  file: File,
  collection: string,
  row: ReturnType<typeof uploadRow>,
  onAdded: (clip: Clip) => void,
): Promise<void> {
  try {
    const { clip, job } = await upload(file, collection, (progress) => {
      row.show(progress * SENDING_SHARE, progress < 1 ? 'sending' : 'checking');
    });
    if (job === null) {
      row.end('there already');
      onAdded(clip);
      return;
    }
    const ended = await followJob(job.id, ({ progress, stage }) => {
      row.show(SENDING_SHARE + progress * (1 - SENDING_SHARE), STAGES[stage] ?? stage);
    });
    if (ended.status !== 'done') throw new Error(ended.error?.message ?? `It was ${ended.status}.`);
    row.end('added');
    onAdded(await getClip(clip.id));
  } catch (error) {
    row.fail((error as Error).message);
  }
}

function uploadRow(name: string) {
  const tray = byId('uploads');
  const bar = element('progress', { max: 1, value: 0, 'aria-label': name });
  const stage = element('span', { class: 'hint' }, 'waiting');
  const row = element('div', { class: 'upload' }, element('strong', {}, name), stage, bar);
  const dismiss = () => {
    row.remove();
    tray.hidden = tray.children.length === 0;
  };
  tray.append(row);
  tray.hidden = false;
  return {
    show(progress: number, text: string): void {
      bar.value = progress;
      stage.textContent = text;
    },
    end(text: string): void {
      bar.value = 1;
      stage.textContent = text;
      setTimeout(dismiss, 4000);
    },
    fail(message: string): void {
      bar.remove();
      stage.textContent = message;
      stage.className = 'fault';
      row.append(button('Dismiss', 'quiet', dismiss));
    },
  };
}
