/** The shipped clips, decoded as a model wants them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeStreams } from '#media/decode';
import type { AudioVisualCorrespondenceNetwork } from '#model/network/audio-visual-correspondence-network';
import type { VideoFrames } from '#model/network/inputs';

const FOLDER = fileURLToPath(new URL('../../fixtures/clips/', import.meta.url));

export const MINI = fileURLToPath(new URL('../../../models/mini', import.meta.url));

export interface SampleClip {
  waveform: Float32Array;
  frames: VideoFrames;
  label: string;
}

/** Names of the shipped clips with their labels, in order. */
function sampleFiles(): { file: string; label: string }[] {
  return readFileSync(`${FOLDER}manifest.jsonl`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { file: string; labels: [string] })
    .map(({ file, labels }) => ({ file, label: labels[0] }));
}

/** The first `count` clips, each of another class. */
export async function sampleClips(
  network: AudioVisualCorrespondenceNetwork,
  count: number,
): Promise<SampleClip[]> {
  const { audio, video } = network.modelMetadata().frontEnds;
  const clips: SampleClip[] = [];
  for (const { file, label } of sampleFiles().slice(0, count)) {
    const sounds: Float32Array[] = [];
    const pictures: Uint8Array[] = [];
    const chunks = decodeStreams(`${FOLDER}${file}`, {
      frames: video,
      samples: { sampleRateHz: audio.sampleRateHz },
    });
    for await (const chunk of chunks) {
      if (chunk.kind === 'samples') sounds.push(chunk.data.slice());
      else pictures.push(chunk.data.slice());
    }
    const data = new Uint8Array(Buffer.concat(pictures));
    const samples = sounds.flatMap((part) => [...part]);
    const frameCount = data.length / (video.width * video.height * 3);
    clips.push({ waveform: Float32Array.from(samples), frames: { data, count: frameCount }, label });
  }
  return clips;
}
