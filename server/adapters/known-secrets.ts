import { withoutSecrets } from '../core/masking.ts';

/** A shorter one would be found in the middle of ordinary words. */
const SHORTEST = 6;
/** Secrets are replaced now and then; of those before, nobody says anything any more. */
const MOST = 1024;

const known = new Set<string>();

/** From now on nothing that this process says holds a line of this secret, nor what URLs and HTTP make of it. */
export function rememberSecret(secret: string): void {
  for (const line of secret.split(/\r?\n/)) {
    if (line.length < SHORTEST || line.startsWith('-----')) continue;
    for (const form of [line, Buffer.from(line).toString('base64').replace(/=+$/, ''), encodeURIComponent(line)]) {
      // What is in use is the last to go.
      known.delete(form);
      known.add(form);
    }
  }
  for (const oldest of known) {
    if (known.size <= MOST) return;
    known.delete(oldest);
  }
}

/** A text as it may leave this process. */
export function masked(text: string): string {
  return withoutSecrets(text, known);
}
