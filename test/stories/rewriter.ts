/**
 * Rewrites a file over and over as editors and scripts do: `rewriter.ts FILE ROUNDS < TEXTS`, where TEXTS is a JSON array of
 * the texts to write in turn. Every style leaves the file incomplete, empty or absent for a moment.
 */
import {
  appendFileSync,
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';

const [file = '', rounds = '0'] = process.argv.slice(2);
const texts = JSON.parse(readFileSync(0, 'utf8')) as readonly string[];

/** Long enough for the server to look in between. */
function moment(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3);
}

/** Opens with truncation, then writes in two pieces. */
function inTwoWrites(text: string, cut: number): void {
  const fd = openSync(file, 'w');
  moment();
  writeSync(fd, text.slice(0, cut));
  moment();
  writeSync(fd, text.slice(cut));
  closeSync(fd);
}

/** Writes over what is there and cuts off the rest at the end. */
function inPlace(text: string, cut: number): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, text.slice(0, cut), 0);
  moment();
  writeSync(fd, text.slice(cut), cut);
  ftruncateSync(fd, Buffer.byteLength(text));
  closeSync(fd);
}

function byRename(text: string): void {
  const fd = openSync(`${file}.new`, 'w');
  writeSync(fd, text);
  closeSync(fd);
  renameSync(`${file}.new`, file);
}

/** Moves the old file out of the way first, as an editor that keeps a backup does. */
function byBackup(text: string, cut: number): void {
  renameSync(file, `${file}~`);
  moment();
  inTwoWrites(text, cut);
}

function byDeletion(text: string, cut: number): void {
  rmSync(file);
  moment();
  inTwoWrites(text, cut);
}

/** Starts from an empty file and appends piece by piece, never ending a piece with a line. */
function byAppending(text: string, cut: number): void {
  closeSync(openSync(file, 'w'));
  for (const piece of [text.slice(0, cut), text.slice(cut)]) {
    moment();
    appendFileSync(file, piece);
  }
}

const STYLES = [inTwoWrites, inPlace, byRename, byBackup, byDeletion, byAppending];
for (let round = 0; round < Number(rounds); round++) {
  const text = texts[round % texts.length] ?? '';
  // A prime step: every style is cut at many places.
  STYLES[round % STYLES.length]?.(text, (round * 37) % text.length);
  moment();
}
