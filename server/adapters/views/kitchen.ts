import { createHash } from 'node:crypto';
import type { ObjectId } from '../../../protocol/names.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import { mergeVars, parseVars, type Vars } from '../../core/vars.ts';
import { UnfitContent } from '../../ports/content.ts';
import { type ParsedTemplate, parseTemplate, type TemplateFlaw, visibleTo } from '../templates/liquid.ts';
import { type Recent, recentOnes } from './recent.ts';
import type { Recipe } from './recipe.ts';
import { type Site, type Slice, sentencesOf, textOf } from './site.ts';

type Rendered = { readonly bytes: Buffer } | { readonly flaw: TemplateFlaw };

/** What the templates of a layer use of a node: `hostname`, `environment`, `groups`, `facts`, `facts.NAME`. */
export interface Uses {
  readonly templates: number;
  readonly names: readonly string[];
}

const MOST_TEMPLATES = 20_000;
const MOST_VARS_FILES = 50_000;
const MOST_MERGED = 2_000;
const MOST_USES = 50_000;
/** Bytes of what was rendered; each counts as some more. */
const MOST_RENDERED = 96 * 1024 * 1024;
const OVERHEAD = 300;
const OF_THE_NODE: ReadonlySet<string> = new Set(['hostname', 'environment', 'groups', 'facts']);

/**
 * Templates and vars, and what was made of them: the same template with the same values of what it uses is rendered once,
 * whatever the tag and the node. What is forgotten is made again.
 */
export function openKitchen(onRender: (path: string) => void = () => undefined) {
  const templates = recentOnes<ReturnType<typeof parseTemplate>>(MOST_TEMPLATES);
  const varsFiles = recentOnes<ReturnType<typeof parseVars>>(MOST_VARS_FILES);
  const merged = recentOnes<Vars>(MOST_MERGED);
  const uses = recentOnes<Uses>(MOST_USES);
  const rendered = recentOnes<Rendered>(MOST_RENDERED);

  function templateAt(site: Site, path: string, blob: ObjectId): ParsedTemplate {
    const parsed = remembered(templates, blob, () => parseTemplate(textOf(site, path, blob)));
    if ('flaw' in parsed) throw new UnfitContent(flawSentence(path, parsed.flaw));
    return parsed.template;
  }

  function varsAt(site: Site, path: string, blob: ObjectId): Vars {
    const parsed = remembered(varsFiles, `${blob} ${path}`, () => parseVars(path, textOf(site, path, blob)));
    if (!parsed.ok) throw new UnfitContent(sentencesOf(parsed.errors));
    return parsed.value;
  }

  return {
    templateAt,
    varsAt,

    usesOf(site: Site, slice: Slice): Uses {
      const known = uses.get(slice.id);
      if (known !== undefined) return known;
      const names = new Set<string>();
      let count = 0;
      for (const { entry, isTemplate } of slice.layer.placed) {
        if (!isTemplate) continue;
        count++;
        const path = pathIn(slice, entry.path);
        for (const [root = '', next] of templateAt(site, path, entry.blob).mentions)
          if (OF_THE_NODE.has(root)) names.add(root === 'facts' && next !== undefined ? `facts.${next}` : root);
      }
      const found = { templates: count, names: [...names] };
      uses.set(slice.id, found);
      return found;
    },

    /** What templates see for a node. */
    scopeFor(site: Site, { vars }: Recipe, { hostname, environment, groups, facts }: NodeInputs): Vars {
      const key = vars.map(({ path, blob }) => `${blob} ${path}`).join('\n');
      const all = remembered(merged, key, () => mergeVars(vars.map(({ path, blob }) => varsAt(site, path, blob))));
      return { ...all, hostname, environment, groups, facts };
    },

    render(site: Site, { path, blob }: { path: string; blob: ObjectId }, scope: Vars): Buffer {
      const template = templateAt(site, path, blob);
      const key = `${blob} ${createHash('sha256').update(visibleTo(template, scope)).digest('base64')}`;
      const known = rendered.get(key);
      const made = known ?? cook(template, path, scope);
      if (known === undefined) rendered.set(key, made, weightOf(made));
      if ('flaw' in made) throw new UnfitContent(flawSentence(path, made.flaw));
      return made.bytes;
    },
  };

  function cook(template: ParsedTemplate, path: string, scope: Vars): Rendered {
    onRender(path);
    const result = template.render(scope);
    return 'flaw' in result ? result : { bytes: Buffer.from(result.text) };
  }
}

function remembered<Value>(recent: Recent<Value>, key: string, make: () => Value): Value {
  const known = recent.get(key);
  if (known !== undefined) return known;
  const made = make();
  recent.set(key, made);
  return made;
}

function weightOf(made: Rendered): number {
  return OVERHEAD + ('bytes' in made ? made.bytes.length : 0);
}

export type Kitchen = ReturnType<typeof openKitchen>;

export function pathIn({ name }: Slice, path: string): string {
  return name === '' ? path : `${name}/${path}`;
}

function flawSentence(path: string, { line, what }: TemplateFlaw): string {
  return `${path} line ${line}: ${what}`;
}
