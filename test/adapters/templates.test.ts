import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTPUT_LIMIT, parseTemplate, TEMPLATE_LIMIT, visibleTo } from '../../server/adapters/templates/liquid.ts';

function template(text: string) {
  const parsed = parseTemplate(text);
  return 'template' in parsed ? parsed.template : expect.unreachable(`${text}: ${parsed.flaw.what}`);
}

function flawOf(text: string, scope: Readonly<Record<string, unknown>> = {}) {
  const parsed = parseTemplate(text);
  if ('flaw' in parsed) return parsed.flaw;
  const rendered = parsed.template.render(scope);
  return 'flaw' in rendered ? rendered.flaw : expect.unreachable(`${text} became ${rendered.text}`);
}

describe('what of a scope a template can see', () => {
  it.each([
    ['{{ ntp.servers[0] }}', { ntp: { servers: ['x'], other: 1 }, b: 2 }, '[[2,["x"]]]'],
    ['{{ a[b] }}', { a: { x: 1 }, b: 'x' }, '[[1,{"x":1}],[1,"x"]]'],
    ['{% assign q = a %}{{ q.x }}', { a: { x: 1 }, q: 2 }, '[[1,{"x":1}]]'],
    ['{% for s in list %}{{ s.name }}{% endfor %}', { list: [{ name: 1, more: 2 }] }, '[[1,[{"name":1,"more":2}]]]'],
    ['{{ a.size }}', { a: { x: 1 } }, '[[1,{"x":1}]]'],
    ['{{ nosuch | default: 1 }}', { a: 1 }, '[[0]]'],
  ])('%s: what it names, and nothing else', (text, scope, seen) => {
    expect(visibleTo(template(text), scope)).toContain(seen.slice(0, -1));
    expect(visibleTo(template(text), { ...scope, unused: 1 })).toBe(visibleTo(template(text), scope));
  });

  it('decides what it renders to: equal sights, equal texts', () => {
    const name = fc.constantFrom('a', 'b', 'c');
    const piece = fc.oneof(
      fc.tuple(name, name).map(([one, two]) => `{{ ${one}.${two} }}`),
      fc.tuple(name, name).map(([one, two]) => `{{ ${one}[${two}] }}`),
      name.map((one) => `{{ ${one} | json }}{{ ${one}.size }}`),
      name.map((one) => `{{ ${one} | default: "none" }}`),
      fc.tuple(name, name, name).map(([one, two, three]) => `{% assign ${one} = ${two}.${three} %}{{ ${one} }}`),
      fc
        .tuple(name, name)
        .map(([one, two]) => `{% for ${one} in ${two} %}{{ ${one}.x }}{{ ${two} | join }}{% endfor %}`),
      fc.tuple(name, name).map(([one, two]) => `{% if ${one} %}{% assign ${two} = 1 %}{% endif %}{{ ${two} | json }}`),
      fc.tuple(name, name).map(([one, two]) => `{% case ${one} %}{% when ${two} %}x{% else %}y{% endcase %}`),
      fc.tuple(name, name).map(([one, two]) => `{% capture ${one} %}{{ ${two}.first }}{% endcapture %}{{ ${one} }}`),
      fc.tuple(name, name).map(([one, two]) => `{{ ${one} | where: "x", ${two} | map: "x" | join }}`),
    );
    const leaf = fc.constantFrom<unknown>(0, 1, 'a', 'b', 'x', true, null, [], [1, 2], [{ x: 1 }, { x: 'a' }], {});
    const value = fc.oneof(
      leaf,
      fc.dictionary(fc.constantFrom('a', 'b', 'x'), leaf, { maxKeys: 3, noNullPrototype: true }),
    );
    const scope = fc.dictionary(name, value, { maxKeys: 3, noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 4 }), scope, scope, (pieces, one, two) => {
        const parsed = template(pieces.join('\n'));
        if (visibleTo(parsed, one) === visibleTo(parsed, two)) expect(parsed.render(one)).toEqual(parsed.render(two));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a template', () => {
  it('of too many characters, or that becomes too many, is refused', () => {
    expect(flawOf('x'.repeat(TEMPLATE_LIMIT + 1)).what).toContain('parse length limit');
    expect(flawOf('{{ x }}{{ x }}', { x: 'x'.repeat(OUTPUT_LIMIT / 2 + 1) }).what).toContain('characters, more than');
  });

  it('that goes on and on is stopped by its steps, and by what it heaps up', () => {
    expect(flawOf('{% for i in (1..1000) %}{% for j in (1..1000) %}x{% endfor %}{% endfor %}').what).toBe(
      'it takes more than 100000 steps',
    );
    expect(flawOf('{% for i in (1..100000000) %}x{% endfor %}').what).toContain('memory alloc limit');
    expect(
      flawOf(`{% assign s = "${'x'.repeat(100)}" %}{% for i in (1..40) %}{% assign s = s | append: s %}{% endfor %}`)
        .what,
    ).toContain('memory alloc limit');
  });

  it('that searches long texts again and again is stopped by the time that it takes of a processor', () => {
    const scope = { text: 'a'.repeat(1_000_000), sought: `${'a'.repeat(1000)}b`, list: Array(100_000).fill('a') };
    const again = (what: string) => `{% for i in (1..90000) %}${what}{% endfor %}`;
    const late = 'it takes more than 2 s of a processor';
    expect(flawOf(again('{% if text contains sought %}x{% endif %}'), scope).what).toBe(late);
    expect(flawOf(again('{% if list contains "b" %}x{% endif %}'), scope).what).toBe(late);
    expect(flawOf(again(`{% if true ${'and true '.repeat(1000)}%}{% endif %}`)).what).toBe(late);
  });

  it('that prints long lists again and again is stopped by what it heaps up', () => {
    const list = Array(100_000).fill('abcdefghij');
    const again = (what: string) => `{% for i in (1..30000) %}${what}{% endfor %}`;
    expect(flawOf(again('{{ list }}'), { list }).what).toContain('memory alloc limit');
    expect(flawOf(`{% capture x %}${again('{{ list }}')}{% endcapture %}`, { list }).what).toContain(
      'memory alloc limit',
    );
  });

  it('of too many tags is refused before it is read', () => {
    expect(flawOf('{{ a }}'.repeat(20_001)).what).toBe('it has 20001 tags, more than the 20000 allowed');
  });

  it('of as many names and lines as there can be is read in time that grows with its length', () => {
    const text = Array.from({ length: 19_999 }, (_, index) => `${'x'.repeat(30)}\n{{ a.b${index} }}`).join('');
    expect(flawOf(`${text}{{ a.none }}`, { a: {} })).toEqual({ line: 2, what: 'undefined variable a.b0' });
    expect(flawOf(`${text}{{ a.none | nosuch }}`).line).toBe(20_000);
    expect(flawOf(`a\n\nb {{ c }}`)).toEqual({ line: 3, what: 'undefined variable c' });
  });

  it.each(['include', 'render', 'layout', 'block'])('cannot %s another one', (tag) => {
    expect(flawOf(`one\n{% ${tag} "/etc/passwd" %}`)).toEqual({
      line: 2,
      what: `the tag "${tag}" is not available: a template stands for itself`,
    });
  });

  it.each(['increment', 'decrement'])('cannot %s what others read', (tag) => {
    expect(flawOf(`{% ${tag} n %}`, { n: 5 }).what).toContain(`the tag "${tag}" is not available`);
  });

  it.each([
    '\n{{ [which] }}',
    '\n{{ "x" | append: [which].size }}',
    '\n{% for i in (1..[which]) %}{% endfor %}',
    '{% liquid\n echo [which]\n%}',
    '\n{{ facts[[which]] }}',
  ])('uses nothing under a name that only shows when it is rendered: %j', (text) => {
    expect(flawOf(text, { which: 'hostname', hostname: 'a', facts: { a: 1 } })).toEqual({
      line: 2,
      what: "a name in brackets with nothing before them: write a variable's own name before it",
    });
  });

  it.each(['{{ "now" | date: "%s" }}', '{{ a | sample }}', '{{ a | where_exp: "i", "i.x == b" }}'])(
    'knows no filter that gives another text at another time, or uses what nobody sees: %s',
    (text) => {
      expect(flawOf(text, { a: [] }).what).toMatch(/^undefined filter: /);
    },
  );

  it('prints no mapping, as nobody means [object Object]', () => {
    expect(flawOf('one\n{{ a }}', { a: { x: 1 } })).toEqual({
      line: 2,
      what: 'a mapping cannot be printed: name one of its keys, or write it as | json',
    });
    expect(
      template('{{ a | json }} {{ l }} {{ n }}{{ z }} {{ t }}').render({
        a: { x: 1 },
        l: [1, 'b'],
        n: 1,
        z: null,
        t: true,
      }),
    ).toEqual({
      text: '{"x":1} 1b 1 true',
    });
  });

  it('sees nothing of JavaScript', () => {
    for (const text of ['{{ a.constructor }}', '{{ a.__proto__ }}', '{{ a.toString }}', '{{ toString }}'])
      expect(flawOf(text, { a: {} }).what).toContain('undefined variable ');
  });
});
