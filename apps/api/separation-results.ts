/**
 * What separations left for their askers to fetch: files of this server, under an address that can't be guessed, for an
 * hour. They lie among the uploads, so what a killed server leaves is swept away by the next one.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EarshotError } from '#core/errors';

const RESULT_LIFE_MS = 3600_000;

interface Result {
  folder: string;
  expiresAt: Date;
}

export class SeparationResults {
  readonly #uploadDir: string;
  readonly #now: () => number;
  readonly #results = new Map<string, Result>();

  /** @param now the clock, in milliseconds */
  constructor(uploadDir: string, now: () => number = Date.now) {
    this.#uploadDir = uploadDir;
    this.#now = now;
  }

  /** Runs `work` on a fresh folder, which is kept for an hour, or not at all where it fails. */
  async keep<T>(work: (folder: string) => Promise<T>): Promise<{ id: string; expiresAt: Date; made: T }> {
    await this.#sweep();
    const id = randomUUID();
    // The owner's process id in front is what the sweep of dead servers' uploads goes by.
    const folder = join(this.#uploadDir, `${process.pid}-separation-${id}`);
    await mkdir(folder, { recursive: true });
    try {
      const made = await work(folder);
      const expiresAt = new Date(this.#now() + RESULT_LIFE_MS);
      this.#results.set(id, { folder, expiresAt });
      return { id, expiresAt, made };
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** @throws EarshotError `not_found` for what was never there, or is no longer */
  fileOf(id: string, name: string): string {
    const result = this.#results.get(id);
    if (result && this.#now() < result.expiresAt.getTime()) return join(result.folder, name);
    throw new EarshotError('not_found', 'This separation is not kept any longer: ask for it again.', {
      subject: 'id',
    });
  }

  async #sweep(): Promise<void> {
    for (const [id, { folder, expiresAt }] of this.#results) {
      if (this.#now() < expiresAt.getTime()) continue;
      this.#results.delete(id);
      await rm(folder, { recursive: true, force: true });
    }
  }
}
