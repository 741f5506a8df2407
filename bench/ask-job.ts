import { readFileSync } from 'node:fs';
import { percentile } from './figure.ts';
import { monotonicMs } from './poll-job.ts';
import { headerOf, openWire } from './wire.ts';

export interface AskJob {
  readonly url: string;
  /** A line for each request, as `lineOf` writes it. Each is made once. */
  readonly requests: string;
  readonly connections: number;
  /** A connection for each request. */
  readonly close: boolean;
  /** The headers to keep of every answer, in lower case. */
  readonly keep: readonly string[];
}

export interface Asked {
  readonly seconds: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** Of all answers, heads included. */
  readonly bytes: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** In the order of the requests. */
  readonly kept: readonly (readonly string[])[];
}

export interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A request in a line of a file. */
export function lineOf(request: Request): string {
  return `${JSON.stringify(request)}\n`;
}

/** Makes requests of any kind, over so many connections at once. No answer counts as status 0. */
export async function askAll(job: AskJob): Promise<Asked> {
  const requests = readFileSync(job.requests, 'utf8').trimEnd().split('\n');
  const kept: string[][] = [];
  const took: number[] = [];
  const byStatus: Record<string, number> = {};
  let [next, bytes] = [0, 0];
  const began = monotonicMs();
  const askOn = async (): Promise<void> => {
    const wire = openWire(job.url);
    for (let index = next++; index < requests.length; index = next++) {
      const text = textOf(JSON.parse(requests[index] ?? '') as Request, job.close);
      const since = monotonicMs();
      const answer = await wire.ask(text).catch(() => undefined);
      took.push(monotonicMs() - since);
      byStatus[answer?.status ?? 0] = (byStatus[answer?.status ?? 0] ?? 0) + 1;
      bytes += answer?.bytes ?? 0;
      if (job.keep.length > 0) kept[index] = job.keep.map((name) => headerOf(answer?.head ?? '', name) ?? '');
    }
    wire.close();
  };
  await Promise.all(Array.from({ length: job.connections }, askOn));
  took.sort((a, b) => a - b);
  const seconds = (monotonicMs() - began) / 1000;
  return { seconds, byStatus, bytes, p50Us: percentile(took, 0.5) * 1000, p99Us: percentile(took, 0.99) * 1000, kept };
}

/** As it goes over the wire. */
export function textOf({ method, path, headers = {}, body }: Request, close: boolean): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: localhost'];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== undefined) lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`);
  if (close) lines.push('Connection: close');
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}
