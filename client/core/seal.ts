import { createHash } from 'node:crypto';
import type { State } from './state.ts';

const SEAL = /,\n {2}"seal": "([0-9a-f]{64})"\n\}\n$/;

/**
 * The state as it is written. What one build wrote and nobody touched since, the same build understands without a look at each
 * of its fields: a seal over both says so. Without a build, as when the client runs from its sources, there is none.
 */
export function sealed(state: State, build: string | undefined): string {
  const text = `${JSON.stringify(state, null, 2)}\n`;
  return build === undefined ? text : text.replace(/\n\}\n$/, `,\n  "seal": "${sealOf(text, build)}"\n}\n`);
}

/** Undefined for a text that another build wrote, that somebody changed, or that is damaged. */
export function unsealed(text: string, build: string | undefined): State | undefined {
  const [end, seal] = SEAL.exec(text) ?? [];
  if (end === undefined || build === undefined) return undefined;
  const plain = `${text.slice(0, -end.length)}\n}\n`;
  return sealOf(plain, build) === seal ? (JSON.parse(plain) as State) : undefined;
}

function sealOf(text: string, build: string): string {
  return createHash('sha256').update(`${build}\n${text}`).digest('hex');
}
