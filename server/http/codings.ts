import type { IncomingMessage } from 'node:http';

/** Whether somebody takes a content coding who says so. */
export function accepts({ headers }: Pick<IncomingMessage, 'headers'>, wanted: 'gzip' | 'br'): boolean {
  const codings = String(headers['accept-encoding'] ?? '').toLowerCase();
  return codings.split(',').some((one) => {
    const [coding, ...parameters] = one.split(';').map((part) => part.trim());
    return coding === wanted && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}
