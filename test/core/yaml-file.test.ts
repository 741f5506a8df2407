import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { sentenceOf } from '../../server/core/problem.ts';
import { isEmptyYaml, parseYamlFile } from '../../server/core/yaml-file.ts';
import { anyText } from '../rig/any-text.ts';

const shop = z.strictObject({
  name: z.string(),
  hours: z.int('a whole number of hours').optional(),
  tools: z
    .array(z.union([z.string(), z.strictObject({ brand: z.string(), weight: z.number().optional() })]))
    .optional(),
});

function errorsOf(text: string, schema: z.ZodType = shop): string[] {
  const parsed = parseYamlFile('shop.yml', text, schema);
  return parsed.ok ? [] : parsed.errors.map(sentenceOf);
}

describe('a YAML control file', () => {
  test('gives its values when it fits', () => {
    const parsed = parseYamlFile('shop.yml', 'name: Smith\nhours: 3\ntools: [hammer, {brand: X}]\n', shop);
    expect(parsed).toEqual({ ok: true, value: { name: 'Smith', hours: 3, tools: ['hammer', { brand: 'X' }] } });
  });

  test('has all its errors told at once, each with line, key, what was expected and what was found', () => {
    const text = 'name: 7\nhourz: 2\ntools:\n  - hammer\n  - {brand: 1, colour: red}\n  - 5\n';
    expect(errorsOf(text)).toEqual([
      'shop.yml line 1: name: expected text, found 7',
      'shop.yml line 2: hourz: expected one of the keys name, hours, tools, found the unknown key "hourz"; did you mean "hours"?',
      'shop.yml line 5: tools.1.brand: expected text, found 1',
      'shop.yml line 5: tools.1.colour: expected one of the keys brand, weight, found the unknown key "colour"',
      'shop.yml line 6: tools.2: expected something else, found 5',
    ]);
  });

  test('names a missing key at the line of what should have it', () => {
    expect(errorsOf('# shop\nhours: 1\n')).toEqual(['shop.yml line 2: name: expected text, found nothing']);
    expect(errorsOf('name: a\ntools:\n - x\n - weight: 2\n')).toEqual([
      'shop.yml line 4: tools.1.brand: expected text, found nothing',
    ]);
  });

  test('uses the words of the schema for what was expected', () => {
    expect(errorsOf('name: a\nhours: "1h"')).toEqual([
      'shop.yml line 2: hours: expected a whole number of hours, found "1h"',
    ]);
  });

  test('tells doubled keys and wrong values together', () => {
    expect(errorsOf('name: a\nhours: 1\nname: b\ntools: 3\n')).toEqual([
      'shop.yml line 3: name: expected each key once, found "name" again (first on line 1)',
      'shop.yml line 4: tools: expected a list, found 3',
    ]);
    expect(errorsOf('name: a\ntools: [{brand: a, brand: b}]')[0]).toContain('tools.0.brand: expected each key once');
  });

  test.each([
    ['a list that is not closed', 'name: [1, 2', 1],
    ['a tab as indentation', 'name: a\ntools:\n\t- x', 3],
    ['a second document', 'name: a\n---\nname: b', 2],
    ['an unknown tag', 'name: !js x', 1],
    ['an alias without its anchor', 'name: a\nhours: *x', 2],
    ['an alias within its own anchor', 'name: a\ntools: &x [*x]', 2],
    ['a list as key', 'name: a\n? [x]\n: 1', 2],
    ['an unclosed quote', 'name: "a\n', 2],
    ['a NUL byte', 'name: a\n\nhours: \0', 3],
  ])('names the line of %s', (_, text, line) => {
    const parsed = parseYamlFile('shop.yml', text, shop);
    expect(parsed.ok ? [] : parsed.errors.map((error) => error.line)).toEqual([line]);
  });

  test('is not empty for meaning "none", and an error without content', () => {
    expect(errorsOf('')).toEqual(['shop.yml line 1: expected a mapping, found nothing']);
    expect(errorsOf('# nothing\n', z.record(z.string(), z.string()))).toEqual([
      'shop.yml line 1: expected a mapping ({} means none), found nothing',
    ]);
    expect(parseYamlFile('f', '{}', z.record(z.string(), z.string()))).toEqual({ ok: true, value: {} });
    expect(['', '\n\n', '# x\n', '---\n', '\uFEFF'].map(isEmptyYaml)).toEqual([true, true, true, true, true]);
    expect(['{}', 'a: 1', '[', '"'].map(isEmptyYaml)).toEqual([false, false, false, false]);
  });

  test('takes keys as text, whatever they look like, and no merge keys', () => {
    const anything = z.record(z.string(), z.unknown());
    expect(parseYamlFile('f', 'null: 1\n1e3: 2\ntrue: 3\n', anything)).toEqual({
      ok: true,
      value: { null: 1, '1e3': 2, true: 3 },
    });
    expect(errorsOf('<<: {name: a}')[1]).toContain('unknown key "<<"');
    expect(errorsOf('__proto__: {name: a}', anything)[0]).toContain('the unusable key "__proto__"');
    expect(parseYamlFile('f', '%YAML 1.1\n---\na: yes', anything)).toEqual({ ok: true, value: { a: 'yes' } });
  });

  test('may use one anchor as often as it likes', () => {
    const text = `a: &x [b]\nl: [${'*x, '.repeat(5000)}]`;
    const parsed = parseYamlFile('f', text, z.record(z.string(), z.array(z.unknown())));
    expect(parsed.ok && parsed.value['l']?.length).toBe(5000);
  });

  test('has errors below an alias told where the anchor is', () => {
    expect(errorsOf('name: a\ntools:\n  - &t {brand: 1}\n  - *t\n')).toEqual([
      'shop.yml line 3: tools.0.brand: expected text, found 1',
      'shop.yml line 3: tools.1.brand: expected text, found 1',
    ]);
  });

  test('cannot grow without limit by aliases, by nesting or by size', () => {
    const laughs = [
      'a0: &a0 [x, x]',
      ...Array.from({ length: 60 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`),
    ];
    expect(errorsOf(laughs.join('\n'), z.unknown())[0]).toContain(
      'expected at most 1000000 values when aliases are followed',
    );
    for (const deep of ['[', '{a: ', '- ', '? ', 'a: ', 'a: &x\n  [[{'])
      for (const end of ['', '\nb: c\n']) expect(errorsOf(deep.repeat(12_000) + end, z.unknown())).not.toEqual([]);
    expect(errorsOf('['.repeat(20_000), z.unknown())).toEqual([
      'shop.yml line 1: expected at most 64 levels of nesting, found more',
    ]);
    expect(errorsOf(`name: ${'a'.repeat(1024 * 1024)}`)).toEqual([
      'shop.yml line 1: expected a file of at most 1 MiB, found 1048582 bytes',
    ]);
  });

  test('tells a mistake in few words, however much of the file it is about', () => {
    const [error = '', ...more] = errorsOf(`a: b\n"c" ${'d e '.repeat(5000)}\n`, z.unknown());
    expect([error.length < 1000, more.length <= 2]).toEqual([true, true]);
    expect(error).toContain('a mistake: ');
  });

  test('tells five hundred errors and the number of the others', () => {
    const errors = errorsOf(`[${'1, '.repeat(700)}]`, z.array(z.string()));
    expect(errors).toHaveLength(501);
    expect(errors.at(-1)).toContain('found 200 more errors');
  });

  test('never throws, whatever the text, and always names a line of it', () => {
    const pieces = fc.constantFrom(
      'a',
      ': ',
      '\n',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&a ',
      '*a',
      '"',
      "'",
      '|',
      '>',
      '#',
      '? ',
      '!',
      '%',
      '---\n',
      ' ',
      '\t',
      ',',
      '\r\n',
      '\uFEFF',
      '\0',
      'é',
      '1',
    );
    const text = fc.oneof(
      anyText,
      fc.array(pieces, { maxLength: 40 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (text) => {
        const parsed = parseYamlFile('f', text, shop);
        if (parsed.ok) return;
        expect(parsed.errors.length).toBeGreaterThan(0);
        for (const { line } of parsed.errors) {
          expect(line).toBeGreaterThanOrEqual(1);
          expect(line).toBeLessThanOrEqual(text.split(/\r\n|\n|\r/).length);
        }
      }),
      { numRuns: 500 },
    );
  });
});
