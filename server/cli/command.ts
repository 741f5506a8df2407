import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type App, compose, type Role } from '../compose.ts';
import { sentenceOf } from '../core/problem.ts';
import type { Context } from '../operations/context.ts';
import { type NotReady, type Ready, worldNow } from '../operations/world.ts';
import type { Log } from '../ports.ts';
import { printable, terminal } from './terminal.ts';

/** What every command takes. */
export interface CommonOptions {
  readonly base?: string;
  readonly json?: boolean;
}

/** 0 done · 1 failed · 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;

export const DEFAULT_BASE = '/etc/tagwave';

export function baseOf({ base }: CommonOptions): string {
  return resolve(base ?? process.env['TAGWAVE_BASE'] ?? DEFAULT_BASE);
}

/** Who runs the command, for the record. Under sudo, who called it. */
export function actor(): string {
  const caller = process.env['SUDO_USER'];
  const name = userName();
  return `${caller === undefined ? name : `${caller} as ${name}`} (command line)`;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Puts the parts together for one command, and takes them apart again. Prints what is wrong with the settings. */
export async function withApp(
  role: Role,
  options: CommonOptions,
  work: (app: App) => Promise<ExitCode>,
): Promise<ExitCode> {
  const composed = await compose({ base: baseOf(options), env: process.env, flags: {}, role, log: silent });
  if (!composed.ok)
    return failWith(options, composed.errors.map(sentenceOf), 'correct them and run "tagwave-server check"');
  try {
    return await work(composed.app);
  } finally {
    await composed.app.close();
  }
}

/** Waits for control files that were written just now; reports invalid ones. */
export async function readyWorld(context: Context): Promise<Ready | NotReady> {
  for (;;) {
    if (context.desk.look().kind !== 'starting') return worldNow(context);
    await delay(context.files.settlesIn(2) ?? 20);
  }
}

/** For commands that need to know what is in effect. */
export function withWorld(
  role: Role,
  options: CommonOptions,
  work: (app: App, ready: Ready) => Promise<ExitCode>,
): Promise<ExitCode> {
  return withApp(role, options, async (app) => {
    const ready = await readyWorld(app.context);
    if (ready.kind === 'not-ready') return fail(options, ready);
    return work(app, ready);
  });
}

export interface Failure {
  readonly sentence: string;
  readonly hint: string;
}

/** What happened, and what to do next; with --json as one object on stdout. */
export function fail(options: CommonOptions, { sentence, hint }: Failure): 1 {
  return failWith(options, [sentence], hint);
}

/** The command was called wrongly: 2. */
export function misuse(options: CommonOptions, sentence: string, hint: string): 2 {
  fail(options, { sentence, hint });
  return 2;
}

export function failWith({ json }: CommonOptions, sentences: readonly string[], hint: string): 1 {
  if (json) terminal.out(JSON.stringify({ ok: false, errors: sentences, hint }));
  else for (const line of [...sentences, `→ ${hint}`]) terminal.err(printable(line));
  return 1;
}

/** Prints the result: one JSON object, or the lines that a person reads. */
export function succeed({ json }: CommonOptions, value: object, lines: () => readonly string[]): 0 {
  if (json) terminal.out(JSON.stringify(value));
  else for (const line of lines()) terminal.out(line);
  return 0;
}
