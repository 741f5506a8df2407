import { fetchManifest } from '../adapters/fetch-manifest.ts';
import { readManifest } from '../adapters/releases.ts';
import { differenceOf } from '../core/difference.ts';
import type { Outcome } from '../core/outcome.ts';
import { inUse, question, type Run } from './converge.ts';

/** What a run would do now. Takes no lock and writes nothing. */
export async function preview(run: Run): Promise<Outcome> {
  const answer = await question(run, { mayBeKnown: true });
  if (answer.kind === 'ended') return answer.outcome;
  const { tag, digest, files } = answer.assignment;
  const now = inUse(run);
  if (now?.digest === digest) return { kind: 'unchanged', tag, digest };
  const manifest = await fetchManifest(run.servers, answer.assignment);
  if (manifest.kind !== 'fetched') return manifest;
  const old = now === undefined ? [] : readManifest(run.layout, now.name)?.entries;
  return { kind: 'would-change', tag, digest, files, difference: old && differenceOf(old, manifest.value.entries) };
}
