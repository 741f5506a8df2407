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
import { plural, table } from './terminal.ts';

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
            ['tag', 'commit', 'mark', 'nodes', 'what'],
            shown.map((tag) => tagRow(tag, controls.environments.size)),
          ),
      ...(shown.length < tags.length ? [`${plural(tags.length - shown.length, 'older one')}; --limit shows more`] : []),
    ]);
  });
}

function tagRow(tag: ListedTag, environments: number): string[] {
  const remarks = [
    tag.broken === null ? '' : `broken: ${tag.broken}`,
    tag.stale ? 'stale' : '',
    tag.ahead ? 'ahead of the clock' : '',
  ];
  const what = [`${tag.origin}, ${tag.subject}`, ...remarks.filter((remark) => remark !== '')].join('; ');
  return [tag.name, tag.commit.slice(0, 12), markText(tag, environments), String(tag.nodes), what];
}

/** A state that holds in all environments stands alone. */
function markText({ marks }: ListedTag, environments: number): string {
  const states = Object.entries(marks);
  const [first] = states;
  const same = states.length === environments && states.every(([, { state }]) => state === first?.[1].state);
  return same ? (first?.[1].state ?? '') : states.map(([name, { state }]) => `${state}:${name}`).join(' ');
}
