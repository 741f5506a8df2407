import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ObjectId, RelativePath } from '../../protocol/names.ts';
import type { Slice, Source } from '../../server/adapters/views/site.ts';
import { openStacks, type SiteRules } from '../../server/adapters/views/stack.ts';
import { readLayer } from '../../server/core/layers.ts';
import { mergeLayers } from '../core/merge-layers.ts';

/** A layer of these files; the text stands for the blob. */
function slice(name: string, files: Readonly<Record<string, string>>): Slice {
  const entries = Object.entries(files).map(
    ([path, text]): Source => ({ path: path as RelativePath, isLink: false, mode: '100644', blob: text as ObjectId }),
  );
  const read = readLayer(entries);
  if ('error' in read) throw new Error(read.error);
  return { name: name as RelativePath, id: name, layer: read.layer };
}

/** Leaves out what begins with `x`, and counts how often it is asked. */
function rules(): SiteRules & { readonly asked: { rules: number; globs: number } } {
  const asked = { rules: 0, globs: 0 };
  return {
    asked,
    rulesFor(path) {
      asked.rules++;
      return { excluded: path.startsWith('x'), attributes: {} };
    },
    fits(glob, path) {
      asked.globs++;
      return path.startsWith(glob);
    },
  };
}

const segment = fc.constantFrom('a', 'b', 'ab', 'a.b', 'x', '.wh.a', '.wh.b', 'a.liquid', 'é');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));

/** No file below another one, as git has them, and nothing that one layer cannot have. */
const layer = fc
  .dictionary(path, fc.constantFrom('1', '2', '3'), { maxKeys: 7 })
  .map((all) => {
    const paths = Object.keys(all);
    return Object.fromEntries(
      Object.entries(all).filter(([one]) => !paths.some((other) => other.startsWith(`${one}/`))),
    );
  })
  .filter((files) => {
    const entries = Object.keys(files).map((one) => ({ path: one as RelativePath, isLink: false }));
    return !('error' in readLayer(entries));
  });

it('layers are put on top of each other as if all were laid at once, in whatever order piles are asked for', () => {
  fc.assert(
    fc.property(fc.array(layer, { maxLength: 4 }), fc.array(fc.nat(3), { maxLength: 6 }), (layers, order) => {
      const site = rules();
      const stackOf = openStacks(site);
      const slices = layers.map((files, index) => slice(`layer${index}`, files));
      const piles = [slices, ...order.map((skipped) => slices.filter((_, index) => index !== skipped))];
      for (const pile of piles) {
        const wanted = mergeLayers(pile.map((one) => one.layer));
        const stack = stackOf(pile);
        const whole = wanted.map(({ path: at, entry, layer: index }) => [
          at,
          `${pile[index]?.name}/${entry.path}`,
          entry.blob,
        ]);
        expect(
          stack.places.map(({ path: at, entry }) => [
            at,
            entry.from,
            entry.content.kind === 'blob' && entry.content.blob,
          ]),
        ).toEqual(whole);
        const kept = wanted.filter(({ path: at }) => !at.startsWith('x'));
        expect(stack.templates.map(({ path: at }) => at)).toEqual(
          kept.flatMap(({ path: at, isTemplate }) => (isTemplate ? [at] : [])),
        );
        for (const glob of ['a', 'b', 'x', 'q'])
          expect([glob, stack.fits(glob)]).toEqual([glob, kept.some(({ path: at }) => at.startsWith(glob))]);
      }
    }),
    { numRuns: 300 },
  );
});

it('a host that has one file of its own costs one file, however many it shares with others', () => {
  const site = rules();
  const stackOf = openStacks(site);
  const shared = slice(
    'common',
    Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`etc/${index}`, '1'])),
  );
  const hosts = 500;
  for (let host = 0; host < hosts; host++) {
    const stack = stackOf([shared, slice(`host/${host}`, { 'etc/own': String(host) })]);
    expect([stack.places.length, stack.fits('q')]).toEqual([3_001, false]);
  }
  expect(site.asked).toEqual({ rules: 3_000 + hosts, globs: 3_000 + hosts });
});

it('a path that is reserved is a flaw where it is left in, and none where another layer removes it', () => {
  const stackOf = openStacks(rules());
  const reserved = slice('common', { '.tagwave/hooks.json': '1' });
  expect(stackOf([reserved]).flaw).toContain('.tagwave/ is reserved');
  expect(stackOf([reserved, slice('host', { '.wh..tagwave': '' })]).flaw).toBeNull();
});
