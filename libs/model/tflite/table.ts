/** A flatbuffers table read by field number, so that no generated code of a whole schema is needed. */
import { ByteBuffer } from 'flatbuffers';

export class Table {
  readonly #buffer: ByteBuffer;
  readonly #at: number;

  private constructor(buffer: ByteBuffer, at: number) {
    this.#buffer = buffer;
    this.#at = at;
  }

  /** The root table of a whole file. */
  static root(bytes: Uint8Array): Table {
    const buffer = new ByteBuffer(bytes);
    return new Table(buffer, buffer.readInt32(0));
  }

  int8(field: number): number {
    const at = this.#find(field);
    return at === 0 ? 0 : this.#buffer.readInt8(at);
  }

  float32(field: number): number {
    const at = this.#find(field);
    return at === 0 ? 0 : this.#buffer.readFloat32(at);
  }

  int32(field: number): number {
    const at = this.#find(field);
    return at === 0 ? 0 : this.#buffer.readInt32(at);
  }

  string(field: number): string {
    const at = this.#find(field);
    return at === 0 ? '' : String(this.#buffer.__string(at) ?? '');
  }

  /** A nested table, or null where the file leaves it out. */
  table(field: number): Table | null {
    const at = this.#find(field);
    return at === 0 ? null : new Table(this.#buffer, this.#buffer.__indirect(at));
  }

  tables(field: number): Table[] {
    return this.#items(field, 4, (at) => new Table(this.#buffer, this.#buffer.__indirect(at)));
  }

  int32s(field: number): number[] {
    return this.#items(field, 4, (at) => this.#buffer.readInt32(at));
  }

  int64s(field: number): number[] {
    return this.#items(field, 8, (at) => Number(this.#buffer.readInt64(at)));
  }

  float32s(field: number): number[] {
    return this.#items(field, 4, (at) => this.#buffer.readFloat32(at));
  }

  /** The bytes of a vector, not copied. */
  bytes(field: number): Uint8Array {
    const at = this.#find(field);
    if (at === 0) return new Uint8Array(0);
    const start = this.#buffer.__vector(at);
    return this.#buffer.bytes().subarray(start, start + this.#buffer.__vector_len(at));
  }

  /** Absolute position of a field's value; 0 where the table does not carry it. */
  #find(field: number): number {
    const offset = this.#buffer.__offset(this.#at, 4 + 2 * field);
    return offset === 0 ? 0 : this.#at + offset;
  }

  #items<T>(field: number, size: number, read: (at: number) => T): T[] {
    const at = this.#find(field);
    if (at === 0) return [];
    const start = this.#buffer.__vector(at);
    const count = this.#buffer.__vector_len(at);
    if (count < 0 || start + count * size > this.#buffer.capacity()) {
      throw new RangeError('a vector reaches beyond the end of the file');
    }
    return Array.from({ length: count }, (_, i) => read(start + i * size));
  }
}
