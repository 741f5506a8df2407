import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { openLog } from '../../server/adapters/log.ts';

function written(level: 'error' | 'warn' | 'info' | 'debug' = 'info') {
  const pieces: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      pieces.push(String(chunk));
      done();
    },
  });
  return { log: openLog({ level, stream }), text: () => pieces.join('') };
}

test('whatever is logged is one line of JSON without a character that a terminal obeys, and reads back as it was', () => {
  const { log, text } = written();
  const nasty = 'a\nb\r\t\u0000\u001b[31m\u007f\u009b\u2028\u2029\u202e\u2066é\u{1f600}';
  log.info(nasty, { hostname: nasty, [nasty]: [nasty] });
  expect(text().endsWith('\n')).toBe(true);
  expect(text().slice(0, -1)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
  expect(JSON.parse(text())).toMatchObject({ level: 'info', message: nasty, hostname: nasty, [nasty]: [nasty] });
});

test('what is below the level is left out, and the level can be set while it runs', () => {
  const { log, text } = written('warn');
  log.debug('one');
  log.info('two');
  log.warn('three');
  log.setLevel('debug');
  log.debug('four');
  log.setLevel('error');
  log.warn('five');
  log.error('six');
  expect(
    text()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).message),
  ).toEqual(['three', 'four', 'six']);
});

test('an error is logged with its stack, and a number of any size as it is', () => {
  const { log, text } = written();
  log.error('failed', { error: new RangeError('too far'), ino: 2n ** 60n });
  expect(JSON.parse(text())).toMatchObject({
    error: { name: 'RangeError', message: 'too far', stack: expect.stringContaining('log.test') },
    ino: '1152921504606846976',
  });
});
