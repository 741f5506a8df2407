import { resolve } from 'node:path';
import type { Command } from 'commander';
import { importPorts, openKeeper } from '../compose-commands.ts';
import { check } from '../operations/check.ts';
import {
  beginImport,
  endImport,
  type ImportedTag,
  importTags,
  prepareImport,
  type ReadyImport,
  writeFiles,
} from '../operations/import-etch.ts';
import {
  actor,
  baseOf,
  type CommonOptions,
  type ExitCode,
  fail,
  failWith,
  misuse,
  openApp,
  type Run,
  readyWorld,
  succeed,
} from './command.ts';
import { plural } from './terminal.ts';

interface Options extends CommonOptions {
  readonly dryRun?: boolean;
}

export function addImportEtch(program: Command, run: Run): void {
  program
    .command('import-etch')
    .argument('<directory>', 'the directory of an etch server, as /etc/etchserver; it stays as it is')
    .summary('make a base of an etch server: its nodes, marks, hours and tags')
    .description(
      'Writes into an empty or new base, and tells what could not be carried over. Once more finishes what was interrupted.',
    )
    .option('--dry-run', 'only tell what would be done')
    .action((directory: string, _options: object, command: Command) =>
      run(importCommand(resolve(directory), command.optsWithGlobals())),
    );
}

async function importCommand(directory: string, options: Options): Promise<ExitCode> {
  const base = baseOf(options);
  if (base === directory)
    return misuse(
      options,
      'the base is the directory of etch itself',
      'name another one with --base; or use it as it is: tagwave-server serve --base needs no import',
    );
  const ports = importPorts({ directory, base });
  const prepared = await prepareImport(ports);
  if (!prepared.ok) return failWith(options, { sentences: prepared.errors, hint: prepared.hint });
  const { ready } = prepared;
  if (options.dryRun) return tell(options, { directory, base, ready, tags: null, findings: [] });
  const created = ports.base.create();
  if (!created.ok) return fail(options, created);
  const begun = await beginImport(ports, directory);
  if (!begun.ok) return fail(options, begun);
  const written = writeFiles(ports.base, ready);
  if (!written.ok) return fail(options, written);
  const imported = await importInto(options, ready);
  if ('code' in imported) return imported.code;
  const ended = await endImport(ports, ready.plan);
  if (!ended.ok) return fail(options, ended);
  const findings = check(await ports.checkPorts()).map(({ sentence, hint }) => ({ sentence, hint }));
  return tell(options, { directory, base, ready, tags: imported.tags, findings });
}

type Imported = { readonly code: ExitCode } | { readonly tags: readonly ImportedTag[] };

async function importInto(options: Options, ready: ReadyImport): Promise<Imported> {
  const opened = await openApp('importer', options);
  if (!opened.ok) return { code: failWith(options, opened) };
  const { app } = opened;
  try {
    // The views of hosts are looked at by the rules that were just written.
    const world = await readyWorld(app);
    if (world.kind === 'not-ready') return { code: fail(options, world) };
    const made = await importTags(app.context, {
      plan: ready.plan,
      keeper: openKeeper(app),
      actor: actor(),
      onProgress: progress(options),
    });
    if (made.ok) return { tags: made.value };
    const hint = `${made.hint}; then import again: nobody is given anything until it is finished`;
    return { code: fail(options, { sentence: made.sentence, hint }) };
  } finally {
    await app.close();
  }
}

/** Long work shows on a terminal how far it is, and nowhere else. */
function progress({ json }: Options): (done: number, of: number) => void {
  if (json || !process.stderr.isTTY) return () => undefined;
  return (done, of) => process.stderr.write(`\r${done} of ${of} tags${done + 1 === of ? '\r\u001B[K' : ''}`);
}

interface Told {
  readonly directory: string;
  readonly base: string;
  readonly ready: ReadyImport;
  /** Null where nothing was done. */
  readonly tags: readonly ImportedTag[] | null;
  readonly findings: readonly { readonly sentence: string; readonly hint: string }[];
}

function tell(options: Options, told: Told): ExitCode {
  const { directory, base, ready, tags, findings } = told;
  const { plan, files, compared, standing } = ready;
  const value = {
    ok: true,
    directory,
    base,
    dryRun: tags === null,
    files: files.map(({ file: { name, about }, outcome }) => ({ name, outcome, about })),
    killswitch: standing ?? plan.killswitch,
    tags: tags ?? plan.tags.map(({ name }) => ({ name, outcome: 'planned' })),
    compared,
    left: plan.left,
    notes: plan.notes,
    findings,
  };
  return succeed(options, value, () => lines(told));
}

const WORDS = { new: '', identical: ' (was there already)', kept: ' (was there already, and stays as it is)' } as const;

function lines({ directory, base, ready, tags, findings }: Told): string[] {
  const { plan, files, standing } = ready;
  const broken = (tags ?? []).filter((tag) => tag.broken !== null);
  return [
    `${directory} → ${base}${tags === null ? ': what would be done' : ''}`,
    ...files.map(({ file: { name, about }, outcome }) => `  ${name.padEnd(15)} ${about}${WORDS[outcome]}`),
    `  ${'tags'.padEnd(15)} ${tagsLine(ready, tags)}`,
    ...killswitchLine(plan.killswitch, standing),
    '',
    comparedLine(ready),
    ...section(
      'Not carried over:',
      plan.left.map(({ what, why }) => `${what}: ${why}`),
    ),
    ...section('To know:', [
      ...plan.notes,
      ...keptServer(ready),
      ...broken.map(({ name, broken }) => `${name} is broken and never served: ${broken}`),
    ]),
    ...section(
      'tagwave-server check says:',
      findings.map(({ sentence, hint }) => `${sentence} (${hint})`),
    ),
    '',
    tags === null
      ? 'Nothing was changed.'
      : `Next: tagwave-server status --base ${base}, then tagwave-server serve --base ${base}`,
  ];
}

/** As many as anybody reads. */
const MOST_LINES = 20;

function section(title: string, entries: readonly string[]): string[] {
  if (entries.length === 0) return [];
  const more = entries.length > MOST_LINES ? [`  and ${entries.length - MOST_LINES} more (--json has all)`] : [];
  return ['', title, ...entries.slice(0, MOST_LINES).map((entry) => `  ${entry}`), ...more];
}

function tagsLine({ plan }: ReadyImport, tags: readonly ImportedTag[] | null): string {
  const [first, last] = [plan.tags[0], plan.tags.at(-1)];
  if (first === undefined || last === undefined) return 'none';
  const already = (tags ?? []).filter(({ outcome }) => outcome === 'exists').length;
  const there = already === 0 ? '' : `, of which ${already} were there already`;
  return `${plural(plan.tags.length, 'tag')}, ${first.name} to ${last.name}${there}`;
}

function killswitchLine(theirs: string | null, standing: string | null): string[] {
  const name = `  ${'killswitch'.padEnd(15)} `;
  if (standing !== null) return [`${name}the base has its own, which stays: ${JSON.stringify(standing)}`];
  return theirs === null ? [] : [`${name}stands, as with etch: ${JSON.stringify(theirs.trim())}`];
}

function keptServer({ files }: ReadyImport): string[] {
  const kept = files.find(({ file, outcome }) => file.name === 'server.yml' && outcome === 'kept');
  if (kept === undefined) return [];
  return [`server.yml stays as it is: look whether it says where the configuration comes from (${kept.file.about})`];
}

function comparedLine({ compared }: ReadyImport): string {
  switch (compared.kind) {
    case 'same':
      return compared.nodes.length === 0
        ? "Not compared with etch's nodetagger: no host is named in nodes.yml."
        : `Compared with etch's own nodetagger: the same tag now for ${plural(compared.nodes.length, 'host')}, one of each combination of groups.`;
    case 'differs':
      return `Etch's own nodetagger goes on deciding: ${compared.why}.`;
    case 'impossible':
      return `Not compared with etch's nodetagger: ${compared.why}.`;
    case 'none':
      return `Nothing to compare: ${compared.why}.`;
  }
}
