import type { Command } from 'commander';
import { digestOf, manifestLine } from '../../protocol/manifest.ts';
import { type Hostname, parseEnvironment, parseHostname, parseTagName, type TagName } from '../../protocol/names.ts';
import type { App } from '../compose.ts';
import { composeWorktree, type OpenWorktree } from '../compose-commands.ts';
import { isGroupName } from '../core/group-name.ts';
import { parseInstant } from '../core/pin-tag.ts';
import { attributes } from '../core/view-difference.ts';
import { nodeInputs, type SeenView, type Supposed, seen, supposedInputs, viewOfNode } from '../operations/view.ts';
import type { Attempt } from '../ports/common.ts';
import {
  type CommonOptions,
  type ExitCode,
  fail,
  missingBase,
  misuse,
  type Run,
  readyWorld,
  succeed,
  withApp,
} from './command.ts';
import { table } from './table.ts';
import { plural, terminal } from './terminal.ts';
import { differences } from './view-diff.ts';

interface ViewOptions extends CommonOptions {
  readonly tag?: string;
  readonly at?: string;
  readonly diff?: string;
  readonly cat?: string;
  readonly worktree?: string;
  readonly environment?: string;
  readonly group?: string[];
  readonly fact?: string[];
}

interface Asked extends Supposed {
  readonly hostname: Hostname;
  readonly tag?: TagName | 'trunk';
  readonly at?: number;
  readonly other?: TagName | 'trunk' | Hostname;
}

export function addView(program: Command, run: Run): void {
  program
    .command('view')
    .summary("a host's files as it would get them: the list, one of them, or what changes")
    .argument('<host>', 'host name')
    .option('--tag <tag>', 'of this tag, or trunk (default: what the host would get)')
    .option('--at <time>', 'what the host got or will get then, e.g. 2026-11-20T14:00Z')
    .option('--worktree <dir>', 'of the uncommitted state of a checkout, which stays as it is')
    .option('--cat <path>', 'print one file')
    .option('--diff <other>', 'print what is otherwise than in another tag, in trunk, or on another host')
    .option('--environment <name>', 'as if the host were in this environment')
    .option('--group <name...>', 'as if the host were in these groups, in this order')
    .option('--fact <name=value...>', 'as if the host said this of itself')
    .action((host: string, _options: object, command: Command) => run(viewCommand(host, command.optsWithGlobals())));
}

async function viewCommand(host: string, options: ViewOptions): Promise<ExitCode> {
  const asked = readOptions(host, options);
  if ('wrong' in asked) return misuse(options, asked.wrong, asked.hint);
  if (options.worktree === undefined)
    return withReadyApp(options, async (app) => show(options, await viewsFrom(app, asked)));
  const opened = await composeWorktree(options.worktree);
  if (!opened.ok) return fail(options, opened);
  try {
    if (missingBase(options) !== undefined && options.environment !== undefined && asked.other === undefined)
      return show(options, await viewWithoutBase(opened.value, asked));
    return await withReadyApp(options, async (app) => show(options, await viewsOfWorktree(app, opened.value, asked)));
  } finally {
    await opened.value.close();
  }
}

function withReadyApp(options: ViewOptions, work: (app: App) => Promise<ExitCode>): Promise<ExitCode> {
  return withApp('reader', options, async (app) => {
    const ready = await readyWorld(app);
    return ready.kind === 'not-ready' ? fail(options, ready) : work(app);
  });
}

type Refused = { readonly wrong: string; readonly hint: string };

function readOptions(host: string, options: ViewOptions): Asked | Refused {
  const hostname = parseHostname(host);
  if (hostname === undefined) return { wrong: `${JSON.stringify(host)} is no host name`, hint: HOST_HINT };
  if (options.cat !== undefined && options.diff !== undefined)
    return { wrong: '--cat and --diff do not go together', hint: 'ask for one of them' };
  if ([options.tag, options.at, options.worktree].filter((given) => given !== undefined).length > 1)
    return { wrong: '--tag, --at and --worktree do not go together', hint: 'ask for one of them' };
  const tag = options.tag === undefined ? undefined : tagIn(options.tag);
  if (options.tag !== undefined && tag === undefined)
    return { wrong: `${JSON.stringify(options.tag)} is no tag`, hint: 'write etchautotag-YYYYMMDD-HH00, or trunk' };
  const at = options.at === undefined ? undefined : parseInstant(options.at);
  if (options.at !== undefined && at === undefined)
    return { wrong: `"${options.at}" is no time`, hint: 'write it like 2026-11-21T08:00Z' };
  const other = options.diff === undefined ? undefined : (tagIn(options.diff) ?? parseHostname(options.diff));
  if (options.diff !== undefined && other === undefined)
    return { wrong: `${JSON.stringify(options.diff)} is neither a tag nor a host`, hint: HOST_HINT };
  const supposed = readSupposed(options);
  if ('wrong' in supposed) return supposed;
  return {
    hostname,
    ...supposed,
    ...(tag === undefined ? {} : { tag }),
    ...(at === undefined ? {} : { at }),
    ...(other === undefined ? {} : { other }),
  };
}

const HOST_HINT = 'letters, digits and hyphens, in labels of at most 63, separated by dots';

function tagIn(text: string): TagName | 'trunk' | undefined {
  return text === 'trunk' ? text : parseTagName(text);
}

function readSupposed({ environment, group, fact = [] }: ViewOptions): Supposed | Refused {
  if (environment !== undefined && parseEnvironment(environment) === undefined)
    return { wrong: `${JSON.stringify(environment)} is no environment`, hint: 'schedule.yml names them' };
  const bad = group?.find((name) => !isGroupName(name));
  if (bad !== undefined) return { wrong: `${JSON.stringify(bad)} is no group`, hint: 'write one name after the other' };
  const facts = fact.map((text) => /^([A-Za-z][A-Za-z0-9_]*)=(.*)$/s.exec(text));
  if (facts.includes(null))
    return { wrong: `${JSON.stringify(fact.join(' '))} is no fact`, hint: 'write --fact os=debian' };
  return {
    ...(environment === undefined ? {} : { environment }),
    ...(group === undefined ? {} : { groups: group }),
    facts: Object.fromEntries(facts.map((match) => [match?.[1] ?? '', match?.[2] ?? ''])),
  };
}

/** A view, and what it is compared with. */
interface Shown {
  readonly view: SeenView;
  readonly other?: SeenView;
}

async function viewsFrom({ context }: App, asked: Asked): Promise<Attempt<Shown>> {
  const view = await viewOfNode(context, asked);
  if (!view.ok) return view;
  if (asked.other === undefined) return { ok: true, value: { view: view.value } };
  const tag = tagIn(asked.other);
  const of = view.value.of as TagName | 'trunk';
  const other = await viewOfNode(
    context,
    tag === undefined ? { hostname: asked.other as Hostname, tag: of } : { ...asked, tag },
  );
  return other.ok ? { ok: true, value: { view: view.value, other: other.value } } : other;
}

async function viewsOfWorktree({ context }: App, worktree: OpenWorktree, asked: Asked): Promise<Attempt<Shown>> {
  const node = await nodeInputs(context, asked.hostname, asked);
  if (!node.ok) return node;
  const view = await worktree.seen(node.value, seen);
  if (!view.ok || asked.other === undefined) return view.ok ? { ok: true, value: { view: view.value } } : view;
  const tag = tagIn(asked.other);
  if (tag !== undefined) {
    const other = await viewOfNode(context, { ...asked, tag });
    return other.ok ? { ok: true, value: { view: view.value, other: other.value } } : other;
  }
  const neighbour = await nodeInputs(context, asked.other as Hostname, {});
  if (!neighbour.ok) return neighbour;
  const other = await worktree.seen(neighbour.value, seen);
  return other.ok ? { ok: true, value: { view: view.value, other: other.value } } : other;
}

async function viewWithoutBase(worktree: OpenWorktree, asked: Asked): Promise<Attempt<Shown>> {
  const node = supposedInputs(asked.hostname, asked);
  if (!node.ok) return node;
  const view = await worktree.seen(node.value, seen);
  return view.ok ? { ok: true, value: { view: view.value } } : view;
}

async function show(options: ViewOptions, shown: Attempt<Shown>): Promise<ExitCode> {
  if (!shown.ok) return fail(options, shown);
  const { view, other } = shown.value;
  if (options.cat !== undefined) return showFile(options, view, options.cat);
  if (other !== undefined) return showDifferences(options, view, other);
  const { hostname, of, environment, groups } = view;
  const { entries } = view.view;
  const digest = digestOf(entries.map(manifestLine).join(''));
  return succeed(options, { hostname, of, environment, groups, digest, entries }, () => [
    table(
      ['mode', 'owner', 'group', 'size', 'path', 'from'],
      entries.map((entry) => [
        ...attributes(entry).split(' '),
        String(entry.size),
        entry.path,
        entry.from === null ? 'deploy.yml' : entry.from,
      ]),
    ),
    `${plural(entries.length, 'file')} of ${of} for ${hostname} (${environment}; groups: ${groups.join(', ') || 'none'}), ${digest}`,
  ]);
}

async function showFile(options: ViewOptions, { hostname, of, view }: SeenView, path: string): Promise<ExitCode> {
  const content = await view.content(path);
  if (content === undefined)
    return fail(options, {
      sentence: `${of} has no ${path} for ${hostname}`,
      hint: 'without --cat all paths are listed; they are relative',
    });
  if (options.json) {
    const text = content.toString('utf8');
    const isText = Buffer.from(text).equals(content);
    return succeed(
      options,
      { hostname, of, path, ...(isText ? { text } : { base64: content.toString('base64') }) },
      () => [],
    );
  }
  terminal.bytes(content);
  return 0;
}

async function showDifferences(options: ViewOptions, view: SeenView, other: SeenView): Promise<ExitCode> {
  const found = await differences({ from: other.view, to: view.view });
  const [from, to] = [other, view].map(({ hostname, of }) => `${hostname} ${of}`) as [string, string];
  return succeed(options, { from, to, differences: found }, () =>
    found.length === 0 ? [`${from} and ${to} are the same.`] : found.map(({ text }) => text),
  );
}
