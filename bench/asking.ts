import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Asked, type AskJob, lineOf, type Request } from './ask-job.ts';
import { type Generating, generate } from './generator.ts';

interface Asking extends Partial<Pick<AskJob, 'connections' | 'close' | 'keep'>> {
  readonly url: string;
  readonly requests: readonly Request[];
  /** The only status that every answer may have. */
  readonly expected: number;
}

let last = 0;

/** Has requests made by the load generator. Throws where an answer is another than was expected. */
export async function ask(at: Generating, { url, requests, expected, ...how }: Asking): Promise<Asked> {
  const file = join(at.work, `requests-${++last}`);
  await writeFile(file, requests.map(lineOf).join(''));
  const asked = await generate(at, 'asks', { url, requests: file, connections: 32, close: false, keep: [], ...how });
  if ((asked.byStatus[expected] ?? 0) !== requests.length)
    throw new Error(
      `${url}${requests[0]?.path} and the like: ${JSON.stringify(asked.byStatus)} instead of ${expected}`,
    );
  return asked;
}
