import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkPaths } from '../../protocol/manifest.ts';
import type { RelativePath } from '../../protocol/names.ts';
import { type LayerEntry, readLayer } from '../../server/core/layers.ts';
import { mergeLayers } from './merge-layers.ts';

interface Entry extends LayerEntry {
  readonly text: string;
}

/** A layer as a mapping of paths to texts. */
type Files = Readonly<Record<string, string>>;

function merged(...layers: Files[]): Record<string, string> {
  const read = layers.map((files) => {
    const entries = Object.entries(files).map(
      ([path, text]): Entry => ({ path: path as RelativePath, isLink: false, text }),
    );
    const result = readLayer(entries);
    if ('error' in result) throw new Error(`${result.path} ${result.error}`);
    return result.layer;
  });
  return Object.fromEntries(mergeLayers(read).map(({ path, entry }) => [path, entry.text]));
}

const segment = fc.constantFrom('a', 'b', 'ab', 'a.b', 'a-b');
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));

/** No file below another one, as git has them. */
const files = fc.dictionary(path, fc.string({ maxLength: 3 }), { maxKeys: 6 }).map((all) => {
  const paths = Object.keys(all);
  return Object.fromEntries(Object.entries(all).filter(([one]) => !paths.some((other) => one.startsWith(`${other}/`))));
});

describe('layers on top of each other', () => {
  it('give what copying one after the other onto a disk gives', () => {
    fc.assert(
      fc.property(fc.array(files, { maxLength: 4 }), (layers) => {
        const disk: Record<string, string> = {};
        for (const layer of layers)
          for (const [name, text] of Object.entries(layer)) {
            for (const known of Object.keys(disk))
              if (known.startsWith(`${name}/`) || name.startsWith(`${known}/`)) delete disk[known];
            disk[name] = text;
          }
        const result = merged(...layers);
        expect(result).toEqual(disk);
        checkPaths(Object.keys(result) as RelativePath[]);
      }),
    );
  });

  it('lose by a whiteout what earlier ones have under that name, and nothing else', () => {
    fc.assert(
      fc.property(files, path, files, (below, gone, above) => {
        const slash = gone.lastIndexOf('/') + 1;
        const whiteout = `${gone.slice(0, slash)}.wh.${gone.slice(slash)}`;
        const kept = Object.entries(below).filter(([name]) => name !== gone && !name.startsWith(`${gone}/`));
        expect(merged(below, { [whiteout]: '' })).toEqual(Object.fromEntries(kept));
        expect(merged(below, { ...above, [whiteout]: '' })).toEqual(merged(Object.fromEntries(kept), above));
      }),
    );
  });

  it('have templates under the name that they are rendered to', () => {
    expect(merged({ 'etc/motd': 'plain' }, { 'etc/motd.liquid': 'template' })).toEqual({ 'etc/motd': 'template' });
    expect(merged({ 'etc/motd.liquid': 'template' }, { 'etc/motd': 'plain' })).toEqual({ 'etc/motd': 'plain' });
    expect(merged({ 'etc/motd.liquid': 't' }, { 'etc/.wh.motd': '' })).toEqual({});
    expect(merged({ '.liquid': 'no name is left' })).toEqual({ '.liquid': 'no name is left' });
  });

  it.each([
    [
      { motd: '', 'motd.liquid': '' },
      'motd.liquid becomes "motd", and so does "motd" in the same layer: keep one of them',
    ],
    [{ 'a/b': '', 'a.liquid': '' }, 'a.liquid becomes "a", and so does "a/b" in the same layer: keep one of them'],
    [{ 'etc/.wh.': '' }, 'etc/.wh. names nothing to remove'],
    [{ '.wh...': '' }, '.wh... names nothing to remove'],
  ])('are refused where one layer says two things: %j', (layer, message) => {
    expect(() => merged(layer as unknown as Files)).toThrow(message);
  });
});
