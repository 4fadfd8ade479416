import { describe, expect, it } from 'vitest';
import { conceptTable } from '#model/concepts/table';
import { ConceptWords } from '#model/concepts/text';

const words = new ConceptWords(conceptTable().table);
const names = (text: string) => words.read(text).concepts.map(({ name }) => name);

describe('text to concepts', () => {
  it('finds every concept of a sentence, each once, in equal shares', () => {
    expect(words.read('A dog barking in the rain')).toEqual({
      concepts: [
        { name: 'dog', weight: 0.5 },
        { name: 'rain', weight: 0.5 },
      ],
      unknownWords: [],
    });
  });

  it.each([
    ['dogs', ['dog']],
    ['horses galloping', ['horse']],
    ['cars honking', ['car', 'car horn']],
    ['someone driving', ['car']],
    ['church bells', ['church bell']],
    ['acoustic guitars', ['guitar']],
    ['babies crying', ['baby', 'crying']],
    ['a vacuum cleaner', ['vacuum cleaner']],
    ['GUNSHOTS!', ['gun']],
    ['applause', ['clapping']],
    ['a ticking clock', ['clock']],
    ['the sea', ['ocean waves']],
    ['buses', ['bus']],
    ['wolves', ['wolf']],
  ])('%s', (text, expected) => {
    expect(names(text)).toEqual(expected);
  });

  it('takes the longest name: an electric guitar is not a guitar beside something electric', () => {
    expect(names('electric guitar')).toEqual(['electric guitar']);
    expect(names('steam train')).toEqual(['steam train']);
    expect(names('train')).toEqual(['train']);
  });

  it('spreads a wider word over what it means', () => {
    const { concepts } = words.read('an animal');
    expect(concepts.length).toBeGreaterThan(10);
    expect(concepts.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 9);
  });

  it('names the words that it does not know and goes on with the rest', () => {
    expect(words.read('a dog and a quasar')).toMatchObject({
      concepts: [{ name: 'dog' }],
      unknownWords: ['quasar'],
    });
  });

  it('refuses a text without any concept, naming its words', () => {
    const refused = (text: string, message: RegExp) =>
      expect(() => words.read(text)).toThrow(
        expect.objectContaining({ code: 'invalid_argument', message: expect.stringMatching(message) }),
      );
    refused('purple quasars', /"purple", "quasars".*such as dog/);
    refused('the of and', /"the of and"/);
    refused('', /""/);
  });
});
