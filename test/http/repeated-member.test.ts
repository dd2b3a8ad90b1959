import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { repeatedMember } from '../../src/http/request/repeated-member.ts';

/** JSON as text made by hand, so that an object can have a name twice, and what is to be found in it. */
type Written = { readonly text: string; readonly repeated: string | null };

const blank = fc.constantFrom('', ' ', '\n', '\t \r\n');
const name = fc.oneof(
  fc.constantFrom('a', 'b', '', '__proto__', '"', '\\', '{', 'a":', '\u2028', '\ud83d\ude00'),
  fc.string(),
);
// The same name can be spelled with escapes.
const spelled = fc.tuple(name, fc.boolean()).map(([value, escaped]) => ({
  value,
  text: escaped
    ? `"${[...Array(value.length).keys()].map((at) => `\\u${value.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
    : JSON.stringify(value),
}));

const { written } = fc.letrec<{ written: Written; value: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)).map((value) => ({
      text: JSON.stringify(value),
      repeated: null,
    })),
    tie('written'),
  ),
  written: fc.oneof(
    fc.tuple(fc.array(tie('value'), { maxLength: 4 }), blank).map(([values, space]) => ({
      text: `[${space}${values.map(({ text }) => text).join(`${space},`)}${space}]`,
      repeated: values.find(({ repeated }) => repeated !== null)?.repeated ?? null,
    })),
    fc.tuple(fc.array(fc.tuple(spelled, tie('value')), { maxLength: 5 }), blank).map(([members, space]) => ({
      text: `{${members.map(([{ text }, value]) => `${space}${text}${space}:${space}${value.text}`).join(',')}${space}}`,
      repeated: firstRepeated(members),
    })),
  ),
}));

/** By the order of the text: a name that is there already comes before what is inside its value. */
function firstRepeated(members: readonly (readonly [{ readonly value: string }, Written])[]): string | null {
  const names = new Set<string>();
  for (const [{ value: name }, { repeated }] of members) {
    if (names.has(name)) return name;
    names.add(name);
    if (repeated !== null) return [name, repeated].filter((part) => part !== '').join('.');
  }
  return null;
}

describe('a member that an object has twice', () => {
  const found: [string, string | null][] = [
    ['{"reason":"a","reason":"b"}', 'reason'],
    ['{"reason":"a","rea\\u0073on":"a"}', 'reason'],
    ['{"a":{"b":1},"c":[{"b":1},{"b":1,"b":2}]}', 'c.b'],
    ['{"a":"\\"a\\":","b":"{\\"a\\":1}"}', null],
    ['[{"a":1},{"a":1}]', null],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
    ['"a:"', null],
    ['{"":1,"":2}', ''],
  ];
  for (const [json, path] of found) {
    test(`${json} ${path}`, () => assert.equal(repeatedMember(json), path));
  }

  test('is found wherever JSON.parse would drop it, and nowhere else', () => {
    fc.assert(
      fc.property(written, ({ text, repeated }) => {
        JSON.parse(text);
        assert.equal(repeatedMember(text), repeated);
      }),
      { numRuns: 2000 },
    );
  });
});
