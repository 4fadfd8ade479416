import { describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import type { Database, Session } from '#store/database';
import { ClipRepository } from '#store/repositories/clips';
import { EmbeddingRepository } from '#store/repositories/embeddings';
import { LabelRepository } from '#store/repositories/labels';
import { readPrototypes } from '#store/repositories/prototypes';
import { describeOverDatabases } from '../support/databases.ts';
import { MODEL, newClip } from './samples.ts';

type Vectors = { audio?: Float32Array; video?: Float32Array };

describeOverDatabases('labels', (fixture) => {
  let labelCount = 0;
  const freshName = () => `label ${labelCount++}`;

  async function clipWith(segments: Vectors[], model = MODEL): Promise<string> {
    const { clip } = await new ClipRepository(fixture.database()).insert(newClip());
    await fixture.database().transaction((session) => embed(session, clip.id, segments, model));
    return clip.id;
  }

  async function embed(session: Session, clipId: string, segments: Vectors[], model = MODEL): Promise<void> {
    await session.executeSql('select 1 from clips where id = $1::uuid for update', [clipId]);
    const rows = segments.map((vectors, i) => ({ segmentIndex: i, startSec: i, endSec: i + 1, vectors }));
    await new EmbeddingRepository(session).replaceForClip(clipId, model, rows);
  }

  const add = (name: string, ids: string[], database: Database = fixture.database()) =>
    database.transaction((session) => new LabelRepository(session).addExamples(name, ids));
  const remove = async (name: string, ids: string[], database: Database = fixture.database()) => {
    const labelId = await idOf(name);
    return database.transaction((session) => new LabelRepository(session).removeExamples(labelId, ids));
  };
  const idOf = async (name: string) =>
    (await new LabelRepository(fixture.database()).byNames([name]))[0]?.id as string;
  const prototypeOf = async (name: string, model = MODEL) =>
    (await readPrototypes(fixture.database(), [await idOf(name)], model))[0];

  it('counts a clip once however many segments it has, each modality by itself', async () => {
    const name = freshName();
    const long = await clipWith([unit(1, 0, 0), unit(1, 0, 0), unit(1, 0, 0)].map((audio) => ({ audio })));
    const short = await clipWith([{ audio: unit(0, 1, 0), video: unit(0, 0, 1) }]);
    expect(await add(name, [long, short, long])).toEqual({ added: 2 });
    expect(await prototypeOf(name)).toEqual({
      labelId: await idOf(name),
      vectors: { audio: Float32Array.of(0.5, 0.5, 0), video: Float32Array.of(0, 0, 1) },
      examples: { audio: 2, video: 1 },
    });
  });

  it('stays exactly the mean while examples come, go, are embedded anew and are deleted', async () => {
    const database = fixture.database();
    const random = new SeededRandom('coming and going');
    const name = freshName();
    const vectors = new Map<string, Float32Array>();
    for (let i = 0; i < 8; i++) {
      const audio = randomUnit(random);
      vectors.set(await clipWith([{ audio }]), audio);
    }
    const all = [...vectors.keys()];
    const examples = new Set<string>();
    await add(name, []);
    for (let step = 0; step < 40; step++) {
      const id = random.pick(all.filter((candidate) => vectors.has(candidate)));
      const action = random.integer(0, step > 30 ? 4 : 3);
      if (action === 0) examples.add(id) && (await add(name, [id]));
      if (action === 1) examples.delete(id) && (await remove(name, [id]));
      if (action === 2) {
        const audio = randomUnit(random);
        vectors.set(id, audio);
        await database.transaction((session) => embed(session, id, [{ audio }]));
      }
      if (action === 3 && vectors.size > 2) {
        vectors.delete(id);
        examples.delete(id);
        await database.transaction((session) => new ClipRepository(session).delete(id));
      }
      const expected = meanOf([...examples].sort().map((example) => vectors.get(example) as Float32Array));
      const { vectors: found, examples: counts } = (await prototypeOf(name)) ?? {
        vectors: {},
        examples: { audio: 0 },
      };
      expect(found.audio ?? null, `step ${step}`).toEqual(expected);
      expect(counts.audio).toBe(examples.size);
    }
  });

  it('is worked out for every model from that model’s own embeddings', async () => {
    const other = { id: 'other', version: '1', dimension: 2 };
    const name = freshName();
    const id = await clipWith([{ audio: unit(1, 0, 0) }]);
    await add(name, [id]);
    expect((await prototypeOf(name))?.vectors.audio).toEqual(unit(1, 0, 0));
    expect(await prototypeOf(name, other)).toMatchObject({ vectors: {}, examples: { audio: 0, video: 0 } });
    await fixture.database().transaction((session) => embed(session, id, [{ audio: unit(0, 1) }], other));
    expect((await prototypeOf(name, other))?.vectors.audio).toEqual(unit(0, 1));
    await fixture.database().transaction((session) => new EmbeddingRepository(session).deleteModel(other));
    expect((await prototypeOf(name, other))?.vectors).toEqual({});
    expect((await prototypeOf(name))?.vectors.audio).toEqual(unit(1, 0, 0));
  });

  it('loses no update to another process, whatever readers keep meanwhile', async () => {
    const name = freshName();
    const handles = [fixture.database(), await fixture.secondHandle()];
    const ids: string[] = [];
    for (let i = 0; i < 16; i++) ids.push(await clipWith([{ audio: unit(1, i, 0) }]));
    await add(name, ids.slice(0, 4));
    const labelId = await idOf(name);
    const work = ids.flatMap((id, i) => {
      const database = handles[i % 2] as Database;
      return [
        i < 2 ? remove(name, [id], database) : add(name, [id], database),
        readPrototypes(database, [labelId], MODEL),
        i % 3 === 0
          ? database.transaction((session) => embed(session, id, [{ audio: unit(0, i, 1) }]))
          : readPrototypes(handles[(i + 1) % 2] as Database, [labelId], MODEL),
      ];
    });
    await Promise.all(work);
    const expected = ids
      .map((id, i) => ({ id, vector: i % 3 === 0 ? unit(0, i, 1) : unit(1, i, 0) }))
      .slice(2)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(await new LabelRepository(fixture.database()).exampleIds(labelId)).toEqual(
      expected.map(({ id }) => id),
    );
    expect((await prototypeOf(name))?.vectors.audio).toEqual(meanOf(expected.map(({ vector }) => vector)));
  });

  it('adds all clips or none, and names those that there are not', async () => {
    const name = freshName();
    const id = await clipWith([{ audio: unit(1, 0, 0) }]);
    const nobody = '00000000-0000-7000-8000-000000000000';
    expect(await add(name, [id, nobody, 'x'])).toEqual({ unknown: [nobody, 'x'] });
    expect(await idOf(name)).toBeUndefined();
  });

  it('lists by code point in pages, and forgets a label with its examples but not the clips', async () => {
    const labels = new LabelRepository(fixture.database());
    for (const name of ['~b', '~B', '~ä', '~a']) await labels.ensure(name);
    const id = await clipWith([{ audio: unit(1, 0, 0) }]);
    await add('~B', [id]);
    const names = async (afterName: string, limit: number) =>
      (await labels.list({ afterName, limit })).map((label) => `${label.name} ${label.examples}`);
    expect(await names('~', 2)).toEqual(['~B 1', '~a 0']);
    expect(await names('~a', 9)).toEqual(['~b 0', '~ä 0']);
    expect(await labels.delete('~B')).toBe(true);
    expect(await labels.delete('~B')).toBe(false);
    expect(await names('~', 1)).toEqual(['~a 0']);
    expect(await new ClipRepository(fixture.database()).get(id)).not.toBeNull();
  });

  describe('many', () => {
    it('answers 3 000 labels’ prototypes', async () => {
      const id = await clipWith([{ video: unit(0, 0, 1) }]);
      const sql = `insert into labels (id, name) select gen_random_uuid(), 'many ' || i from generate_series(1, 3000) i`;
      await fixture.database().executeSql(sql);
      const fill = `insert into label_examples select id, '${id}'::uuid from labels where name like 'many %'`;
      await fixture.database().executeSql(fill);
      const names = Array.from({ length: 3000 }, (_, i) => `many ${i + 1}`);
      const rows = await new LabelRepository(fixture.database()).byNames(names);
      const found = await readPrototypes(
        fixture.database(),
        rows.map((row) => row.id),
        MODEL,
      );
      expect(found).toHaveLength(3000);
      for (const { vectors } of found) expect(vectors).toEqual({ video: unit(0, 0, 1) });
    });
  });
});

function unit(...values: number[]): Float32Array {
  const length = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / length);
}

function randomUnit(random: SeededRandom): Float32Array {
  return unit(random.normal(), random.normal(), random.normal());
}

/** By the definition: unit vectors of clips, summed in double precision in the order of their ids. */
function meanOf(vectors: readonly Float32Array[]): Float32Array | null {
  if (vectors.length === 0) return null;
  const units = vectors.map((vector) => {
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    return Float64Array.from(vector, (value) => value / length);
  });
  return Float32Array.from(
    { length: 3 },
    (_, i) => units.reduce((sum, v) => sum + (v[i] as number), 0) / vectors.length,
  );
}
