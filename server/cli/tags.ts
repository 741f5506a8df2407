import type { Command } from 'commander';
import { type ListedTag, listTags } from '../operations/overview.ts';
import {
  type CommonOptions,
  type ExitCode,
  fail,
  misuse,
  type Run,
  succeed,
  wholeNumber,
  withWorld,
} from './command.ts';
import type { Style } from './ink.ts';
import { type Cell, table } from './table.ts';
import { plural } from './terminal.ts';

const MOST = 1_000_000;

export function addTags(program: Command, run: Run): void {
  program
    .command('tags')
    .summary('the tags, newest first, with marks and the nodes on them')
    .option('--limit <count>', 'how many', '48')
    .action((_options: object, command: Command) => run(tagsCommand(command.optsWithGlobals())));
}

async function tagsCommand(options: CommonOptions & { limit: string }): Promise<ExitCode> {
  const limit = wholeNumber(options.limit, { min: 1, max: MOST });
  if (limit === undefined)
    return misuse(options, `"${options.limit}" is no number of tags`, `e.g. --limit 48, at most ${MOST}`);
  return withWorld('reader', options, async ({ context }, { controls }) => {
    const tags = await listTags(context);
    if ('kind' in tags) return fail(options, tags);
    const shown = tags.slice(0, limit);
    return succeed(options, { tags: shown, older: tags.length - shown.length }, () => [
      tags.length === 0
        ? 'There are no tags yet.'
        : table(
            [
              'tag',
              { name: 'commit', drop: 2 },
              { name: 'mark', least: 6 },
              { name: 'nodes', drop: 1, isNumber: true },
              { name: 'what', least: 16 },
            ],
            shown.map((tag) => tagRow(tag, controls.environments.size)),
          ),
      ...(shown.length < tags.length ? [`${plural(tags.length - shown.length, 'older one')}; --limit shows more`] : []),
    ]);
  });
}

function tagRow(tag: ListedTag, environments: number): Cell[] {
  const remarks = [
    tag.broken === null ? '' : `broken: ${tag.broken}`,
    tag.stale ? 'stale' : '',
    tag.ahead ? 'ahead of the clock' : '',
  ].filter((remark) => remark !== '');
  const what = [`${tag.origin}, ${tag.subject}`, ...remarks].join('; ');
  return [
    tag.ahead || tag.broken !== null ? [tag.name, 'warn'] : tag.name,
    [tag.commit.slice(0, 12), 'quiet'],
    [markText(tag, environments), markStyle(tag)],
    tag.nodes === 0 ? ['0', 'quiet'] : String(tag.nodes),
    remarks.length === 0 ? what : [what, 'warn'],
  ];
}

function markStyle({ marks }: ListedTag): Style {
  return Object.values(marks).every(({ state }) => state === 'good') ? 'good' : 'bad';
}

/** A state that holds in all environments stands alone. */
function markText({ marks }: ListedTag, environments: number): string {
  const states = Object.entries(marks);
  const [first] = states;
  const same = states.length === environments && states.every(([, { state }]) => state === first?.[1].state);
  return same ? (first?.[1].state ?? '') : states.map(([name, { state }]) => `${state}:${name}`).join(' ');
}
