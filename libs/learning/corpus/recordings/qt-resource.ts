/**
 * Reader of Qt resource files (`.rcc`): a tree of names over blobs, each stored as it is or compressed by zlib.
 *
 * @see https://doc.qt.io/qt-5/resources.html and Qt's `rcc.cpp`, format versions 1 to 3
 */
import { inflateSync } from 'node:zlib';
import { EarshotError } from '#core/errors';

const MAGIC = 'qres';
const COMPRESSED_ZLIB = 1;
const DIRECTORY = 2;
const COMPRESSED_ZSTD = 4;
/** Since version 2 a node carries the time of its file's last change. */
const NODE_BYTES = { 1: 14, 2: 22, 3: 22 } as const;

/**
 * The content of one entry.
 *
 * @param entry its path, without a slash in front
 * @throws EarshotError `file_unreadable` where the file is no resource file, or lacks the entry
 */
export function readQtResource(file: string, bytes: Buffer, entry: string): Buffer {
  try {
    return readEntry(bytes, entry.split('/'));
  } catch (cause) {
    const message = `${entry} cannot be read from the Qt resource file ${file}: ${(cause as Error).message}`;
    throw new EarshotError('file_unreadable', message, { subject: file, cause });
  }
}

function readEntry(bytes: Buffer, names: readonly string[]): Buffer {
  const version = bytes.readUInt32BE(4);
  if (bytes.toString('latin1', 0, 4) !== MAGIC || !(version in NODE_BYTES)) {
    throw new Error('it is none, or of an unknown version.');
  }
  const [tree, data, texts] = [8, 12, 16].map((at) => bytes.readUInt32BE(at)) as [number, number, number];
  const nodeBytes = NODE_BYTES[version as keyof typeof NODE_BYTES];
  const nodeAt = (index: number) => tree + index * nodeBytes;
  const nameOf = (node: number) => {
    const at = texts + bytes.readUInt32BE(node);
    const length = bytes.readUInt16BE(at);
    // Swapping works in place, so on a copy.
    return Buffer.from(bytes.subarray(at + 6, at + 6 + 2 * length))
      .swap16()
      .toString('utf16le');
  };
  let node = nodeAt(0);
  for (const name of names) {
    if ((bytes.readUInt16BE(node + 4) & DIRECTORY) === 0) throw new Error('no such entry.');
    const count = bytes.readUInt32BE(node + 6);
    const first = bytes.readUInt32BE(node + 10);
    const children = Array.from({ length: count }, (_, i) => nodeAt(first + i));
    const found = children.find((child) => nameOf(child) === name);
    if (found === undefined) throw new Error('no such entry.');
    node = found;
  }
  return readBlob(bytes, data + bytes.readUInt32BE(node + 10), bytes.readUInt16BE(node + 4));
}

function readBlob(bytes: Buffer, at: number, flags: number): Buffer {
  if (flags & DIRECTORY) throw new Error('the entry is a folder.');
  if (flags & COMPRESSED_ZSTD) throw new Error('the entry is compressed by zstd.');
  const length = bytes.readUInt32BE(at);
  const blob = bytes.subarray(at + 4, at + 4 + length);
  if (blob.length !== length) throw new Error('the file ends within the entry.');
  // Four bytes with the uncompressed length stand before the zlib stream.
  return flags & COMPRESSED_ZLIB ? inflateSync(blob.subarray(4)) : blob;
}
