// What both packages have in common: documents, control files, and the archive itself.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

export function put(tree, path, text, mode = 0o644) {
  const file = join(tree, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
}

/** A file of the project, or a directory with everything in it that is wanted. */
export function copy(tree, from, path, isWanted = () => true) {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  cpSync(from, join(tree, path), { recursive: true, verbatimSymlinks: true, filter: isWanted });
}

/** `/usr/share/doc/NAME`, and the manual pages that the build made. */
export function documents(tree, name, { root, version, epoch, maintainer }) {
  const doc = `usr/share/doc/${name}`;
  put(tree, `${doc}/copyright`, copyright(root));
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  const entry = `${name} (${version}) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- ${maintainer}  ${date}\n`;
  put(tree, `${doc}/changelog.Debian.gz`, zipped(entry));
  put(tree, `${doc}/changelog.gz`, zipped(readFileSync(join(root, 'CHANGELOG.md'))));
  for (const file of ['README.md', 'SECURITY.md']) copy(tree, join(root, file), `${doc}/${file}`);
  for (const file of readdirSync(join(root, 'docs')).filter((each) => each.endsWith('.md')))
    copy(tree, join(root, 'docs', file), `${doc}/docs/${file}`);
}

/** Those whose name is a program's, or begins with it and a hyphen. */
export function manuals(tree, { root }, isWanted) {
  const made = join(root, 'dist/man');
  if (!existsSync(made)) return;
  for (const file of readdirSync(made).filter((each) => /\.[1-8]$/.test(each) && isWanted(each)))
    put(tree, `usr/share/man/man${file.slice(-1)}/${file}.gz`, zipped(readFileSync(join(made, file))));
}

/** Where Debian's shells look for what completes a program's words. */
const COMPLETIONS = {
  bash: (program) => [program, 'usr/share/bash-completion/completions'],
  zsh: (program) => [`_${program}`, 'usr/share/zsh/vendor-completions'],
  fish: (program) => [`${program}.fish`, 'usr/share/fish/vendor_completions.d'],
};

export function completions(tree, { root }, program) {
  for (const [shell, placeOf] of Object.entries(COMPLETIONS)) {
    const [file, directory] = placeOf(program);
    copy(tree, join(root, 'dist/completions', shell, file), `${directory}/${file}`);
  }
}

function zipped(content) {
  return gzipSync(content, { level: 9 });
}

function copyright(root) {
  const [, holder = '', ...rest] =
    /^MIT License\n\nCopyright \(c\) (.*)\n\n([\s\S]*)$/.exec(readFileSync(join(root, 'LICENSE'), 'utf8')) ?? [];
  const text = rest
    .join('')
    .trimEnd()
    .split('\n')
    .map((line) => ` ${line === '' ? '.' : line}`)
    .join('\n');
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: tagwave

Files: *
Copyright: ${holder}
License: Expat
${text}
`;
}

/** Writes what dpkg needs, gives everything its mode and time, and makes the archive; answers its path. */
export function pack(tree, control, { version, epoch, maintainer, out, compress }) {
  const { name, architecture, fields, scripts, conffiles = [] } = control;
  settle(tree, epoch);
  const files = filesBelow(tree);
  const size = files.reduce((sum, file) => sum + Math.ceil(lstatSync(join(tree, file)).size / 1024), 0);
  const written = {
    Package: name,
    Version: version,
    Architecture: architecture,
    Maintainer: maintainer,
    'Installed-Size': size,
    ...fields,
  };
  const lines = Object.entries(written).map(([field, value]) => `${field}: ${value}\n`);
  const sums = files
    .filter((file) => lstatSync(join(tree, file)).isFile() && !conffiles.includes(`/${file}`))
    .map((file) => `${md5(join(tree, file))}  ${file}\n`);
  put(tree, 'DEBIAN/control', lines.join(''));
  put(tree, 'DEBIAN/md5sums', sums.join(''));
  if (conffiles.length > 0) put(tree, 'DEBIAN/conffiles', conffiles.map((file) => `${file}\n`).join(''));
  for (const [script, text] of Object.entries(scripts)) put(tree, `DEBIAN/${script}`, text, 0o755);
  settle(join(tree, 'DEBIAN'), epoch);
  const file = join(out, `${name}_${version}_${architecture}.deb`);
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) };
  // One thread: how many there are would show in the bytes.
  execFileSync('dpkg-deb', ['--root-owner-group', '--threads-max=1', `-Z${compress}`, '--build', tree, file], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return file;
}

/** Whatever umask and clock made of it. */
function settle(path, epoch) {
  const stats = lstatSync(path);
  if (stats.isDirectory()) for (const name of readdirSync(path)) settle(join(path, name), epoch);
  if (!stats.isSymbolicLink()) chmodSync(path, stats.isDirectory() || (stats.mode & 0o100) !== 0 ? 0o755 : 0o644);
  lutimesSync(path, epoch, epoch);
}

function filesBelow(tree) {
  return readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(tree, join(entry.parentPath, entry.name)))
    .sort();
}

function md5(path) {
  return createHash('md5').update(readFileSync(path)).digest('hex');
}
