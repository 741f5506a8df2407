// The client becomes one file that runs with nothing but Node 18 or newer beside it. Node takes longer to understand a megabyte of
// code than most runs take for their work, so only what every run needs is code from the start. The rest is text in a comment,
// which Node only skips: V8 keeps it as the source of the function that it is in, and a part of it becomes code when it is first
// imported. Nothing is minified: a stack trace shows names,
// and lines of this one file.
import { createHash } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const OPTIONS = { platform: 'node', target: 'node18', legalComments: 'none', logLevel: 'warning' };
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const START = './tagwave.js';
/** Before a part of the text: its name, and the line of the file that it begins at. */
const MARK = '@part ';
/** In its place comes what tells one build from another. */
const BUILD = '@build@';

/** Writes the client of this version to a file. */
export async function bundleClient(outfile, version) {
  const parts = await partsOf('client/main.ts');
  const sooner = neededAtStart(parts);
  const lines = [
    '#!/usr/bin/env node',
    `// tagwave ${version}: the client in one file`,
    "'use strict';",
    'const parts = {',
    ...sooner.flatMap((name) => {
      const { code, files } = parts.get(name);
      return [`// ${files.join(' ')}`, `'${name}': (function (exports, require, module) {`, code, '}),'];
    }),
    '};',
    `(${loadParts})(parts, later, ${JSON.stringify({ START, MARK })});`,
    'function later() {',
  ];
  let at = lines.join('\n').split('\n').length + 1;
  for (const [name, { code, files }] of parts) {
    if (sooner.includes(name)) continue;
    const text = [`// ${files.join(' ')}`, ...code.split('\n')];
    if (text.some((line) => line.startsWith(MARK))) throw new Error(`${name} has a line that begins with ${MARK}`);
    lines.push(`//${MARK}${name} ${at + 1}`, ...text.map((line) => `//${line}`));
    at += text.length + 1;
  }
  const text = `${[...lines, `//${MARK}`, '}'].join('\n')}\n`;
  const build = createHash('sha256').update(text).digest('hex');
  await mkdir(dirname(outfile), { recursive: true });
  await writeFile(outfile, text.replace(BUILD, build));
  await chmod(outfile, 0o755);
}

/** What esbuild makes of the program: for each import() a part, and for what several of them share. */
async function partsOf(entry) {
  const { outputFiles, metafile } = await build({
    ...OPTIONS,
    absWorkingDir: ROOT,
    entryPoints: { tagwave: entry },
    bundle: true,
    splitting: true,
    format: 'esm',
    outdir: 'dist',
    define: { TAGWAVE_BUILD: JSON.stringify(BUILD) },
    write: false,
    metafile: true,
  });
  const parts = new Map();
  for (const { path, text } of outputFiles) {
    const name = path.slice(ROOT.length + 1);
    const { imports, inputs } = metafile.outputs[name];
    // Functions that take `require`, as Node's own import() would look for files.
    const { code } = await transform(text, { ...OPTIONS, format: 'cjs', supported: { 'dynamic-import': false } });
    parts.set(`./${name.slice('dist/'.length)}`, { code: code.trimEnd(), imports, files: Object.keys(inputs) });
  }
  return parts;
}

/** The first part, and what it imports before it does anything. */
function neededAtStart(parts) {
  const needed = new Set([START]);
  for (const name of needed)
    for (const { path, kind, external } of parts.get(name).imports)
      if (kind === 'import-statement' && !external) needed.add(`./${path.slice('dist/'.length)}`);
  return [...needed];
}

/** What the file does when it is started. It knows nothing but its arguments. `NODE_DEBUG=tagwave` shows which parts are loaded. */
function loadParts(parts, later, { START, MARK }) {
  const note = require('node:util').debuglog('tagwave');
  const loaded = new Map();
  let texts;

  load(START);

  function load(name) {
    if (!name.startsWith('./')) return require(name);
    const known = loaded.get(name);
    if (known !== undefined) return known.exports;
    const part = { exports: {} };
    loaded.set(name, part);
    note(name);
    (parts[name] ?? compile(name))(part.exports, load, part);
    return part.exports;
  }

  function compile(name) {
    texts ??= new Map(
      String(later)
        .split(`\n//${MARK}`)
        .slice(1, -1)
        .map((text) => [text.slice(0, text.indexOf(' ')), text]),
    );
    const text = texts.get(name);
    const end = text.indexOf('\n');
    return require('node:vm').compileFunction(
      text.slice(end).replace(/\n\/\//g, '\n'),
      ['exports', 'require', 'module'],
      { filename: __filename, lineOffset: Number(text.slice(name.length + 1, end)) - 2 },
    );
  }
}
