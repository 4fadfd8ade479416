/**
 * The rooms and who may import whom, held for aliases, relative paths and dynamic imports alike. The linter says the
 * same while one types, but knows only the aliases.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const ROOMS = [
  'bin',
  'apps',
  'libs/catalog',
  'libs/learning',
  'libs/model',
  'libs/media',
  'libs/store',
  'libs/core',
] as const;
type Room = (typeof ROOMS)[number];

const ALLOWED: Record<Room, readonly Room[]> = {
  bin: ['apps', 'libs/catalog', 'libs/learning', 'libs/core'],
  apps: ['libs/catalog', 'libs/learning', 'libs/core'],
  'libs/catalog': ['libs/model', 'libs/media', 'libs/store', 'libs/core'],
  'libs/learning': ['libs/model', 'libs/media', 'libs/store', 'libs/core'],
  'libs/model': ['libs/core'],
  'libs/media': ['libs/core'],
  'libs/store': ['libs/core'],
  'libs/core': [],
};

const SPECIFIER = /(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g;

function roomOf(file: string): Room | null {
  const relative = path.relative(ROOT, file).split(path.sep).join('/');
  return ROOMS.find((room) => relative.startsWith(`${room}/`)) ?? null;
}

/** The file that a specifier of this project means, without its ending; null for packages. */
function resolve(specifier: string, from: string): string | null {
  if (specifier.startsWith('.')) return path.resolve(path.dirname(from), specifier);
  const alias = /^#(\w+)\/(.+)$/.exec(specifier);
  if (!alias) return null;
  const [, name, rest] = alias as unknown as [string, string, string];
  return path.join(ROOT, name === 'apps' ? 'apps' : `libs/${name}`, rest);
}

function violations(file: string, source: string): string[] {
  const room = roomOf(file);
  if (room === null) return [];
  return [...source.matchAll(SPECIFIER)].flatMap(([, specifier]) => {
    const target = resolve(specifier as string, file);
    const targetRoom = target === null ? room : roomOf(target);
    if (targetRoom === room || (targetRoom !== null && ALLOWED[room].includes(targetRoom))) return [];
    // package.json and other files of the root belong to everybody.
    if (targetRoom === null && target !== null && path.dirname(target) === path.dirname(`${ROOT}x`))
      return [];
    return [`${path.relative(ROOT, file)} imports ${specifier}`];
  });
}

describe('dependency direction', () => {
  it('is bin -> apps -> {catalog, learning} -> {model, media, store} -> core', () => {
    const files = ROOMS.flatMap((room) =>
      readdirSync(path.join(ROOT, room), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.ts') && !name.includes('dist/'))
        .map((name) => path.join(ROOT, room, name)),
    );
    expect(files.length).toBeGreaterThan(100);
    expect(files.flatMap((file) => violations(file, readFileSync(file, 'utf8')))).toEqual([]);
  });

  it.each([
    ['libs/media/x.ts', "import { a } from '#model/engine/engine';"],
    ['libs/media/x.ts', "import { a } from '../model/engine/engine.ts';"],
    ['libs/store/index/x.ts', "export { a } from '../../media/probe.ts';"],
    ['libs/catalog/x.ts', "const a = await import('#learning/training/mini');"],
    ['libs/core/x.ts', "import '#store/schema';"],
    ['apps/api/x.ts', "import type { A } from '#media/probe';"],
    ['libs/model/a/b/x.ts', "import { a } from '../../../../apps/api/app.ts';"],
  ])('would catch %s: %s', (file, source) => {
    expect(violations(path.join(ROOT, file), source)).toHaveLength(1);
  });

  it('lets through what is allowed', () => {
    expect(
      violations(
        path.join(ROOT, 'libs/catalog/x.ts'),
        "import { a } from '#store/queue';\nimport fs from 'node:fs';",
      ),
    ).toEqual([]);
    expect(
      violations(path.join(ROOT, 'libs/model/layers/x.ts'), "import { a } from '../engine/engine.ts';"),
    ).toEqual([]);
  });
});
