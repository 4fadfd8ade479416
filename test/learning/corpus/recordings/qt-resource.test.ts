import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readQtResource } from '#learning/corpus/recordings/qt-resource';

const DIRECTORY = 2;
const ZLIB = 1;

/** `a/plain.txt` as it is and `a/packed.txt` compressed, as `rcc` lays them out. */
function resourceFile(version: number, flags = ZLIB): Buffer {
  const nodeBytes = version >= 2 ? 22 : 14;
  const names = ['a', 'plain.txt', 'packed.txt'].map((name) => {
    const head = Buffer.alloc(6);
    head.writeUInt16BE(name.length);
    return Buffer.concat([head, Buffer.from(name, 'utf16le').swap16()]);
  });
  const nameAt = names.map((_, i) => names.slice(0, i).reduce((sum, { length }) => sum + length, 0));
  const length = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  const packed = Buffer.concat([length(6), deflateSync('packed')]);
  const plainBlob = Buffer.concat([length(5), Buffer.from('plain')]);
  const blobs = Buffer.concat([plainBlob, length(packed.length), packed]);
  const node = (name: number, flag: number, first: number, second: number) => {
    const bytes = Buffer.alloc(nodeBytes);
    bytes.writeUInt32BE(name, 0);
    bytes.writeUInt16BE(flag, 4);
    bytes.writeUInt32BE(first, 6);
    bytes.writeUInt32BE(second, 10);
    return bytes;
  };
  const tree = Buffer.concat([
    node(0, DIRECTORY, 1, 1),
    node(nameAt[0] as number, DIRECTORY, 2, 2),
    node(nameAt[1] as number, 0, 0, 0),
    node(nameAt[2] as number, flags, 0, plainBlob.length),
  ]);
  const header = Buffer.alloc(20);
  header.write('qres', 'latin1');
  const texts = Buffer.concat(names);
  const at = [20, 20 + tree.length, 20 + tree.length + blobs.length];
  [version, ...at].forEach((value, i) => {
    header.writeUInt32BE(value, 4 + 4 * i);
  });
  return Buffer.concat([header, tree, blobs, texts]);
}

describe('a Qt resource file', () => {
  it.each([1, 2, 3])('of version %i gives back stored and compressed entries', (version) => {
    const bytes = resourceFile(version);
    expect(readQtResource('t.rcc', bytes, 'a/plain.txt').toString()).toBe('plain');
    expect(readQtResource('t.rcc', bytes, 'a/packed.txt').toString()).toBe('packed');
  });

  it.each([
    ['a missing entry', resourceFile(3), 'a/other.txt'],
    ['a folder', resourceFile(3), 'a'],
    ['a file taken for a folder', resourceFile(3), 'a/plain.txt/b'],
    ['an unknown version', resourceFile(9), 'a/plain.txt'],
    ['an unknown compression', resourceFile(3, 4), 'a/packed.txt'],
    ['something else', Buffer.from('RIFF, which is none'), 'a/plain.txt'],
    ['nothing', Buffer.alloc(0), 'a/plain.txt'],
    ['a cut-off file', resourceFile(3).subarray(0, 60), 'a/plain.txt'],
  ])('answers a clear error for %s', (_, bytes, entry) => {
    expect(() => readQtResource('t.rcc', bytes, entry)).toThrow(
      expect.objectContaining({ code: 'file_unreadable', subject: 't.rcc' }),
    );
  });
});
