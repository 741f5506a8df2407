import { KEYS } from './keys.ts';
import type { Layer } from './merge.ts';

/** What YAML takes for the text that is written: words and paths, whole numbers, and text in quotes without escapes. */
const VALUE = String.raw`(?:"([ !#-\[\]-~]*)"|((?!(?:[Nn]ull|NULL|[Tt]rue|TRUE|[Ff]alse|FALSE)$)[A-Za-z/](?:[\w./-]|:(?=[\w/]))*|true|false|0|[1-9]\d{0,14}))`;
const SCALAR = new RegExp(`^([a-z-]+): ${VALUE}$`);
const ITEM = new RegExp(`^ {2}- ${VALUE}$`);
const LIST = /^([a-z-]+):$/;
const NOTHING = /^(?:#[\t -~]*)?$/;

/**
 * The settings of a client.yml that is as most are: a key a line, comments, lists with an item a line. Undefined for any other
 * text, and for whatever is wrong with one: for those there is a library, which takes longer to load than a run without news
 * needs for all else.
 */
export function readUsual(path: string, text: string): Layer | undefined {
  const layer: Layer = {};
  let items: string[] | undefined;
  for (const [index, line] of text.replace(/\n$/, '').split('\n').entries()) {
    if (NOTHING.test(line)) continue;
    const item = ITEM.exec(line);
    if (item !== null) {
      if (items === undefined) return undefined;
      items.push(item[1] ?? item[2] ?? '');
      continue;
    }
    if (items?.length === 0) return undefined;
    const [, name, quoted, plain] = SCALAR.exec(line) ?? LIST.exec(line) ?? [];
    const key = KEYS.find((known) => known.name === name);
    const value = quoted ?? plain;
    if (key === undefined || layer[key.name] !== undefined || (value === undefined && key.kind !== 'list'))
      return undefined;
    items = value === undefined ? [] : undefined;
    layer[key.name] = { texts: items ?? [value ?? ''], where: `${path} line ${index + 1}: ${key.name}` };
  }
  return items?.length === 0 ? undefined : layer;
}
