import type { Command } from 'commander';
import type { Comparison } from '../../protocol/api/changes.ts';
import { type Hostname, hourOf, parseHostname, parseTagName, type TagName } from '../../protocol/names.ts';
import { nearestTag } from '../core/tag.ts';
import { compareTags, wholePatch } from '../operations/compare.ts';
import type { Context } from '../operations/context.ts';
import { type NoFiles, twoViews } from '../operations/node-files.ts';
import { fileLines, sizeText } from './change-lines.ts';
import { type CommonOptions, type ExitCode, fail, misuse, type Run, succeed, withWorld } from './command.ts';
import { painted } from './patch-lines.ts';
import { terminal } from './terminal.ts';

interface Options extends CommonOptions {
  readonly host?: string;
  readonly path?: string;
  readonly stat?: boolean;
}

type Named = TagName | 'trunk';

interface Asked {
  readonly from: Named;
  readonly to: Named;
  readonly host: Hostname | undefined;
}

export function addDiff(program: Command, run: Run): void {
  program
    .command('diff')
    .summary('in what two tags differ, in the repository or on one host')
    .description('With one tag: in what it differs from the tag before it. trunk stands for what was fetched last.')
    .argument('<tag>', 'etchautotag-YYYYMMDD-HH00, or trunk; with a second one, where to start from')
    .argument('[tag]', 'where to end')
    .option('--host <host>', "of the host's own files, rendered and layered")
    .option('--path <path>', 'of one file')
    .option('--stat', 'only which files, and by how many lines')
    .action((first: string, second: string | undefined, _options: object, command: Command) =>
      run(diffCommand([first, second], command.optsWithGlobals())),
    );
}

async function diffCommand(names: readonly (string | undefined)[], options: Options): Promise<ExitCode> {
  const tags: Named[] = [];
  for (const name of names) {
    if (name === undefined) continue;
    const tag = name === 'trunk' ? name : parseTagName(name);
    if (tag === undefined)
      return misuse(options, `${JSON.stringify(name)} is no tag`, 'write etchautotag-YYYYMMDD-HH00, or trunk');
    tags.push(tag);
  }
  const host = options.host === undefined ? undefined : parseHostname(options.host);
  if (options.host !== undefined && host === undefined)
    return misuse(options, `${JSON.stringify(options.host)} is no host name`, 'labels of letters, digits and hyphens');
  return withWorld('reader', options, async ({ context }) => {
    const pair = pairOf(context, tags);
    if ('sentence' in pair) return fail(options, pair);
    return show(context, { ...pair, host }, options);
  });
}

/** One tag is compared with the one before it. */
function pairOf(
  context: Context,
  [first = 'trunk', second]: readonly Named[],
): { readonly from: Named; readonly to: Named } | { readonly sentence: string; readonly hint: string } {
  if (second !== undefined) return { from: first, to: second };
  const { tags } = context.shelf.current();
  const older = first === 'trunk' ? tags : tags.filter(({ hour }) => hour < hourOf(first));
  const before = older.at(-1);
  if (before !== undefined) return { from: before.name, to: first };
  if (first !== 'trunk' && !tags.some(({ name }) => name === first)) return noTag(context, first);
  return { sentence: `there is no tag before ${first}`, hint: 'name two tags; "tagwave-server tags" lists them' };
}

async function show(context: Context, { from, to, host }: Asked, options: Options): Promise<ExitCode> {
  const { path, stat } = options;
  const shown = stat === true ? undefined : path;
  const found =
    host === undefined
      ? await compareTags(context, { from, to, path: shown })
      : await twoViews(context, { hostname: host, from, to });
  if (found.kind !== 'compared' && found.kind !== 'views') return refuse(context, found, options);
  const compared = found.kind === 'views' ? await found.comparison(shown) : found;
  if (compared.kind !== 'compared') return refuse(context, compared, options);
  const comparison = path === undefined ? compared.comparison : only(compared.comparison, path);
  if (path !== undefined && comparison.files.length === 0 && comparison.patch === null)
    return succeed(options, comparison, () => [`${path} is the same in ${from} and ${to}, or in neither.`]);
  if (options.json) return succeed(options, comparison, () => []);
  if (stat === true || comparison.size.files === 0)
    return succeed(options, comparison, () => [...fileLines(comparison), sizeText(comparison)]);
  if (path !== undefined) return print([comparison.patch ?? 'Binary files differ\n']);
  return print(found.kind === 'views' ? found.patches() : wholePatch(context, { from, to }));
}

function only(comparison: Comparison, path: string): Comparison {
  const files = comparison.files.filter((file) => file.path === path || file.oldPath === path);
  return { ...comparison, files, more: 0 };
}

/** As it is where a program reads it, such as `git apply`. */
async function print(patches: Iterable<string> | AsyncIterable<string>): Promise<ExitCode> {
  for await (const patch of patches) {
    if (process.stdout.isTTY) for (const line of painted(patch)) terminal.out(line);
    else await terminal.written(patch);
  }
  return 0;
}

function noTag(context: Context, name: string): { readonly sentence: string; readonly hint: string } {
  const tag = parseTagName(name);
  const nearest = tag && nearestTag(context.shelf.current().tags, hourOf(tag));
  const hint = nearest === undefined ? '' : `the nearest is ${nearest.name}; `;
  const what = tag === undefined ? name : `tag ${name}`;
  return { sentence: `there is no ${what}`, hint: `${hint}"tagwave-server tags" lists them` };
}

function refuse(context: Context, found: NoFiles, options: Options): ExitCode {
  switch (found.kind) {
    case 'unknown-tag':
      return fail(options, noTag(context, found.tag));
    case 'broken-tag':
      return fail(options, { sentence: found.sentence, hint: 'compare other tags, or leave out --host' });
    case 'stopped':
      return fail(options, { sentence: found.decision.message, hint: 'leave out --host, or mend that first' });
    case 'not-ready':
    case 'unavailable':
      return fail(options, found);
    default:
      return found satisfies never;
  }
}
