import type { ObjectId } from '../protocol/names.ts';
import { openEtchDirectory } from './adapters/etch/directory.ts';
import { openNewBase } from './adapters/etch/new-base.ts';
import { watchControlFiles } from './adapters/files/control-files.ts';
import { openEditor } from './adapters/files/editor.ts';
import { createSecretFile, type SecretFile } from './adapters/files/new-secret-file.ts';
import { exposedSecrets } from './adapters/files/secret-problems.ts';
import { stateFilesForReading } from './adapters/files/state-files.ts';
import { openDirectoryKeeper } from './adapters/git/keep-directory.ts';
import { openRepository, signatureTrouble } from './adapters/git/repository.ts';
import { openWorktree } from './adapters/git/worktree.ts';
import { openPrograms } from './adapters/programs/programs.ts';
import { systemClock } from './adapters/system-clock.ts';
import { openViews } from './adapters/views/views.ts';
import type { App } from './compose.ts';
import type { NodeInputs } from './core/node-inputs.ts';
import { sentenceOf } from './core/problem.ts';
import type { Look } from './core/settle.ts';
import type { CheckPorts } from './operations/check.ts';
import type { Attempt } from './ports/common.ts';
import type { Views } from './ports/content.ts';
import type { DirectoryKeeper, EtchDirectory, NewBase } from './ports/etch.ts';
import type { ControlFileEditor } from './ports/files.ts';
import { readSettings, type SettingsSource } from './settings/read.ts';
import { settingsRules } from './settings/rules.ts';
import type { Settings } from './settings/settings.ts';

// What single commands need that do without a whole server, or have to.

/** The files that a command edits where there may be no time, or no way, to put everything together. */
export function editorOf(base: string): ControlFileEditor {
  return openEditor(base);
}

/** A new file for a secret, which only whoever called the command can read. Throws where there is one already. */
export function secretFile(path: string): SecretFile {
  return createSecretFile(path);
}

/** A checkout as it would be committed now, whose views can be looked at. */
export interface OpenWorktree {
  /** Hands on what `look` needs to know of the checkout. */
  seen<Result>(
    node: NodeInputs,
    look: (
      views: Pick<Views, 'preview'>,
      sought: { readonly of: string; readonly tree: ObjectId; readonly node: NodeInputs },
    ) => Promise<Result>,
  ): Promise<Result>;
  close(): Promise<void>;
}

/** Reads the uncommitted state of a checkout, which stays as it is. Needs no base. */
export async function composeWorktree(checkout: string): Promise<Attempt<OpenWorktree>> {
  const opened = await openWorktree(checkout, 'ignore');
  if (!opened.ok) return opened;
  const { tree, repository, flaw, directory, close } = opened.value;
  if (flaw !== null) {
    await close();
    return { ok: false, sentence: `no view of ${checkout} can be made: ${flaw}`, hint: 'correct that' };
  }
  const views = openViews({ stateDir: directory, repository });
  return { ok: true, value: { seen: (node, look) => look(views, { of: checkout, tree, node }), close } };
}

/** What `check` looks at. The tags only where they can be read: the check must work in a pre-receive hook too. It writes nothing. */
export async function composeCheck(options: Omit<SettingsSource, 'lastValid'>): Promise<CheckPorts> {
  const files = watchControlFiles(options.base, systemClock);
  const settings = settingsAsFarAsValid(options, files.sighting('server.yml', 0).look);
  const source: SettingsSource = { ...options, lastValid: () => undefined };
  const state = stateFilesForReading(settings.stateDir);
  const programs = openPrograms({ base: options.base, clock: systemClock, state, settings: () => settings });
  return {
    files,
    settings: settingsRules(source, settings),
    tags: await readableTags(settings),
    programs: [
      { name: 'nodetagger', state: programs.nodetagger() },
      { name: 'nodegrouper', state: programs.nodegrouper() },
    ],
    signatures: signatureTrouble(settings.repo),
    secrets: exposedSecrets(settings),
  };
}

export interface ImportPorts {
  readonly etch: EtchDirectory;
  readonly base: NewBase;
  readonly editor: ControlFileEditor;
  readonly now: number;
  readonly retentionHours: number;
  readonly keepAtLeast: number;
  /** What is to be checked when it is done. */
  checkPorts(): Promise<CheckPorts>;
}

/** What reads an etch server's directory, and writes a base. Needs none yet. */
export function importPorts({ directory, base }: { readonly directory: string; readonly base: string }): ImportPorts {
  const options = { base, env: process.env, flags: {} };
  const { snapshot } = settingsAsFarAsValid(
    options,
    watchControlFiles(base, systemClock).sighting('server.yml', 0).look,
  );
  return {
    etch: openEtchDirectory(directory),
    base: openNewBase(base),
    editor: openEditor(base),
    now: systemClock.now(),
    ...snapshot,
    checkPorts: () => composeCheck(options),
  };
}

/** What takes directories into the private repository of a base. */
export function openKeeper({ settings }: App): DirectoryKeeper {
  return openDirectoryKeeper(settings.stateDir);
}

/** Where one setting is wrong, what the others would say is not known: the defaults then show where to look for the rest. */
function settingsAsFarAsValid(options: Omit<SettingsSource, 'lastValid'>, look: Look): Settings {
  const read = readSettings({ ...options, text: look.kind === 'text' ? look.text : null });
  const usual = read.ok ? read : readSettings({ base: options.base, env: {}, flags: {}, text: null });
  if (!usual.ok) throw new Error(usual.errors.map(sentenceOf).join('; '));
  return usual.settings;
}

async function readableTags({ stateDir, repo }: Settings): Promise<CheckPorts['tags']> {
  try {
    return (await openRepository({ stateDir, ...repo }).tags()).records;
  } catch {
    return [];
  }
}
