import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type App, compose, type Role } from '../compose.ts';
import { withoutSecrets } from '../core/masking.ts';
import { plainJson } from '../core/plain-json.ts';
import { sentenceOf } from '../core/problem.ts';
import type { Actor } from '../operations/context.ts';
import { type NotReady, type Ready, worldNow } from '../operations/world.ts';
import type { Log } from '../ports/common.ts';
import { type Line, shown } from './ink.ts';
import { printable, terminal } from './terminal.ts';

/** What every command takes. */
export interface CommonOptions {
  readonly base?: string;
  readonly json?: boolean;
}

/** 0 done · 1 failed · 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;

/** Runs a command and keeps its exit code. */
export type Run = (code: Promise<ExitCode>) => Promise<void>;

export const DEFAULT_BASE = '/etc/tagwave';

export function baseOf({ base }: CommonOptions): string {
  return resolve(base || process.env['TAGWAVE_BASE'] || DEFAULT_BASE);
}

/** Why there is no base directory to work on; a mistyped one must not be created. */
export function missingBase(options: CommonOptions): Failure | undefined {
  const base = baseOf(options);
  const hint = `name the directory of control files with --base or TAGWAVE_BASE, or create it: tagwave-server init --base ${base}`;
  try {
    const stats = statSync(base, { throwIfNoEntry: false });
    if (stats === undefined) return { sentences: [`there is no base directory ${base}`], hint };
    return stats.isDirectory() ? undefined : { sentences: [`the base ${base} is no directory`], hint };
  } catch (error) {
    return {
      sentences: [`the base directory ${base} cannot be looked at: ${error instanceof Error ? error.message : error}`],
      hint,
    };
  }
}

/** Before the command goes on as the owner of the state directory. */
const USER = userName();

/** Who runs the command, for the record. Under sudo, who called it. */
export function actor(): Actor {
  const caller = process.env['SUDO_USER'];
  return { by: printable(caller === undefined ? USER : `${caller} as ${USER}`), from: 'command line' };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export type Opened = { readonly ok: true; readonly app: App } | ({ readonly ok: false } & Failure);

/** Puts the parts together for one command; whoever asks for it closes it. */
export async function openApp(role: Role, options: CommonOptions): Promise<Opened> {
  const missing = missingBase(options);
  if (missing !== undefined) return { ok: false, ...missing };
  const composed = await compose({ base: baseOf(options), env: process.env, flags: {}, role, log: silent });
  if (composed.ok) return composed;
  const hint = 'correct it; "tagwave-server check" shows all errors of the control files';
  return { ok: false, sentences: composed.errors.map(sentenceOf), hint };
}

/** Puts the parts together for one command, and takes them apart again. Prints what is wrong with the settings. */
export async function withApp(
  role: Role,
  options: CommonOptions,
  work: (app: App) => Promise<ExitCode>,
): Promise<ExitCode> {
  const opened = await openApp(role, options);
  if (!opened.ok) return failWith(options, opened);
  try {
    return await work(opened.app);
  } finally {
    await opened.app.close();
  }
}

const LOOK_AGAIN_MS = 20;
/** What is being written all the time never settles. */
const PATIENCE_MS = 30_000;

/** What is in effect. Waits for control files that were written just now. */
export async function readyWorld({ context, settings }: App): Promise<Ready | NotReady> {
  const deadline = context.clock.monotonic() + settings.settleSeconds * 1000 + PATIENCE_MS;
  while (context.desk.look().kind === 'starting' && context.clock.monotonic() < deadline) await delay(LOOK_AGAIN_MS);
  return worldNow(context);
}

/** For commands that need to know what is in effect. */
export function withWorld(
  role: Role,
  options: CommonOptions,
  work: (app: App, ready: Ready) => Promise<ExitCode>,
): Promise<ExitCode> {
  return withApp(role, options, async (app) => {
    const ready = await readyWorld(app);
    return ready.kind === 'not-ready' ? fail(options, ready) : work(app, ready);
  });
}

export interface Failure {
  /** What happened and why, one sentence each. */
  readonly sentences: readonly string[];
  /** What to do next. */
  readonly hint: string;
}

/** What happened, and what to do next; with --json as one object on stdout. */
export function fail(options: CommonOptions, { sentence, hint }: { sentence: string; hint: string }): 1 {
  return failWith(options, { sentences: [sentence], hint });
}

/** The command was called wrongly: 2. */
export function misuse(options: CommonOptions, sentence: string, hint: string): 2 {
  fail(options, { sentence, hint });
  return 2;
}

export function failWith({ json }: CommonOptions, failure: Failure): 1 {
  const [sentences, hint] = [
    failure.sentences.map((sentence) => withoutSecrets(sentence)),
    withoutSecrets(failure.hint),
  ];
  if (json) terminal.out(plainJson({ ok: false, errors: sentences, hint }));
  else for (const line of [...sentences, `→ ${hint}`]) terminal.err(printable(line));
  return 1;
}

/** Prints the result: one JSON object, or the lines that a person reads. */
export function succeed({ json }: CommonOptions, value: object, lines: () => readonly Line[]): 0 {
  if (json) terminal.out(plainJson(value));
  else for (const line of lines()) terminal.out(shown(line));
  return 0;
}

/** A whole number within bounds; undefined for any other text. */
export function wholeNumber(text: string, { min, max }: { readonly min: number; readonly max: number }) {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  return number >= min && number <= max ? number : undefined;
}
