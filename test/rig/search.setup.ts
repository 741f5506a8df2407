// Before every test file: nobody says a secret, be it in the body of an error or in what a process prints.
import { subscribe } from 'node:diagnostics_channel';
import type { Readable } from 'node:stream';
import { afterAll, afterEach, beforeEach, expect, onTestFinished } from 'vitest';
import { type Kind, searchText, takeFindings } from './secrets.ts';

process.env['TAGWAVE_TEST_FILE'] = expect.getState().testPath ?? '';

/** What is printed because somebody asked for it. */
const ASKED_FOR: readonly { readonly words: RegExp; readonly kinds: readonly Kind[]; readonly why: string }[] = [
  { words: /\btoken create\b/, kinds: ['token'], why: 'shown once, to whoever made it' },
  { words: /\bview\b/, kinds: ['template'], why: 'what a host gets' },
  { words: /\bdiff\b/, kinds: ['template'], why: 'what a host would get' },
];

/** Programs of ours; what git, openssl and others print is their own. */
const OURS = /\/node$|\/tagwave|\/(ba)?sh$|^(ba)?sh$/;

subscribe('child_process', (message) => {
  const { process: program } = message as {
    process: {
      spawnfile?: string;
      spawnargs?: string[];
      stdout?: Readable;
      stderr?: Readable;
      once(event: 'spawn', then: () => void): void;
    };
  };
  program.once('spawn', () => {
    const command = (program.spawnargs ?? []).join(' ');
    if (!OURS.test(program.spawnfile ?? '')) return;
    const but = ASKED_FOR.filter(({ words }) => words.test(command)).flatMap(({ kinds }) => kinds);
    if (program.stdout) watch(program.stdout, 'the standard output of a process', but);
    if (program.stderr) watch(program.stderr, 'the standard error of a process', []);
  });
});

subscribe('http.client.request.start', (message) => {
  const { request } = message as {
    request: {
      prependOnceListener(event: 'response', then: (response: Readable & { statusCode?: number }) => void): void;
    };
  };
  request.prependOnceListener('response', (response) => {
    const { statusCode = 0 } = response;
    if (statusCode >= 400) watch(response, `the body of a ${statusCode}`, []);
  });
});

const plainFetch = globalThis.fetch;
globalThis.fetch = async (...asked) => {
  const response = await plainFetch(...asked);
  if (response.status >= 400)
    response
      .clone()
      .text()
      .then(
        (text) => searchText(`the body of a ${response.status}`, text),
        () => undefined,
      );
  return response;
};

/** Sees what comes in, before anybody reads it and without reading it. */
function watch(stream: Readable, place: string, but: readonly Kind[]): void {
  const push = stream.push;
  let end = '';
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (typeof chunk === 'string' || Buffer.isBuffer(chunk)) {
      const text = end + chunk.toString('latin1' as BufferEncoding);
      searchText(place, text, but);
      end = text.slice(-128);
    }
    return push.call(stream, chunk, encoding);
  };
}

function tell(): void {
  const findings = takeFindings();
  const lines = findings.map(({ kind, place }) => `a secret (${kind}) was found in ${place}`);
  if (lines.length > 0) throw new Error([...new Set(lines)].join('\n'));
}

// The first that is asked for is the last that is done: by then what the test made is removed.
beforeEach(() => onTestFinished(tell));
afterEach(tell);
afterAll(tell);
