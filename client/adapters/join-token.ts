import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Failure } from '../core/failure.ts';
import { parseToken } from '../core/token.ts';
import { readToken } from './token-file.ts';

export type JoinToken =
  | { readonly kind: 'token'; readonly token: string }
  | { readonly kind: 'failed'; readonly failure: Failure };

const LIMIT_CHARACTERS = 4096;

/** What lets this host in, from a file that only its owner may read, or with `-` from standard input. */
export async function readJoinToken(from: string): Promise<JoinToken> {
  if (from !== '-') {
    const found = readToken(from, 'join');
    return found.kind === 'missing'
      ? failed(`${from} does not exist`, 'It is to hold the join token, which begins with twj_.')
      : found;
  }
  const token = parseToken('join', process.stdin.isTTY ? await typed() : await piped());
  return token === undefined
    ? failed('what came is no join token', 'A join token begins with twj_, and stands on one line.')
    : { kind: 'token', token };
}

async function piped(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8') as AsyncIterable<string>) {
    text += chunk;
    if (text.length > LIMIT_CHARACTERS) return '';
  }
  return text;
}

/** Asks on the terminal, which shows nothing of what is typed. */
function typed(): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write('Join token: ');
  return new Promise((resolve) => {
    lines.once('close', () => resolve(''));
    lines.once('line', (line) => {
      process.stderr.write('\n');
      resolve(line);
      lines.close();
    });
    lines.once('SIGINT', () => {
      lines.close();
      process.kill(process.pid, 'SIGINT');
    });
  });
}

function failed(sentence: string, hint: string): JoinToken {
  return { kind: 'failed', failure: { sentence, hint } };
}
