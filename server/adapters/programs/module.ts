import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Hostname } from '../../../protocol/names.ts';
import type { ModuleContext } from '../../core/module-context.ts';

export interface ModuleCall {
  readonly path: string;
  /** Changes with the file, so that an edited module is loaded anew. */
  readonly stamp: string;
  readonly hostname: Hostname;
  readonly context: ModuleContext;
  readonly seconds: number;
}

/** Calls a site's nodetagger module in this process. Whatever it throws, and whatever it answers but text, is a failure. */
export async function runModule(call: ModuleCall): Promise<{ readonly text: string } | { readonly failed: string }> {
  const timer = new AbortController();
  const late = delay(
    call.seconds * 1000,
    { failed: `it did not answer within ${call.seconds} s` },
    { signal: timer.signal },
  );
  try {
    return await Promise.race([ask(call), late]);
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}

async function ask({ path, stamp, hostname, context }: ModuleCall): Promise<{ text: string } | { failed: string }> {
  const loaded: unknown = await import(`${pathToFileURL(path).href}?${stamp}`);
  const rule = typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : undefined;
  if (typeof rule !== 'function') return { failed: 'it has no default export that is a function' };
  const answer: unknown = await Reflect.apply(rule, undefined, [hostname, context]);
  return typeof answer === 'string'
    ? { text: answer }
    : { failed: `it answered ${answer === undefined ? 'nothing' : typeof answer} instead of a tag` };
}
