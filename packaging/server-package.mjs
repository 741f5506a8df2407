// tagwave-server: the server with the Node that it was built with, so that it does not depend on which one the system has.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { completions, copy, documents, manuals, put } from './pack.mjs';

const HOME = 'usr/lib/tagwave-server';
/** Of the build, but not for a server. */
const NOT_FOR_SERVERS = new Set(['bench.js', 'demo.js', 'fuzz.js', 'start.js', 'man', 'completions']);
/** What the build leaves in node_modules. */
const KEPT_APART = ['better-sqlite3', 'express', 'winston'];
/** Of a package, but not to run it. */
const NOT_TO_RUN = /^(test|tests|\..*|.*\.(map|d\.ts|d\.mts|d\.cts))$/;
/** Only to install it. */
const NOT_NEEDED = new Set(['prebuild-install']);

export function serverPackage(tree, context) {
  const { root, architecture } = context;
  copyBuild(tree, root);
  copyModules(tree, root);
  const needs = copyNode(tree);
  mkdirSync(join(tree, 'usr/bin'), { recursive: true });
  symlinkSync(`../lib/tagwave-server/dist/tagwave-server.js`, join(tree, 'usr/bin/tagwave-server'));
  put(tree, 'lib/systemd/system/tagwave-server.service', unit(root));
  put(tree, 'etc/tagwave/server.yml', readFileSync(join(root, 'packaging/debian/server.yml'), 'utf8'));
  const examples = 'usr/share/doc/tagwave-server/examples';
  for (const name of readdirSync(join(root, 'samples')).filter((each) => !each.endsWith('.ts')))
    copy(tree, join(root, 'samples', name), `${examples}/${name}`);
  for (const name of ['killswitch.md', 'tagstate.example'])
    copy(tree, join(root, name), `usr/share/doc/tagwave-server/${name}`);
  documents(tree, 'tagwave-server', context);
  manuals(tree, context, (file) => file.startsWith('tagwave-server'));
  completions(tree, context, 'tagwave-server');
  put(
    tree,
    'usr/share/lintian/overrides/tagwave-server',
    'tagwave-server: embedded-library *\ntagwave-server: unstripped-binary-or-object *\n',
  );
  const script = (name) => readFileSync(join(root, 'packaging/debian', `tagwave-server.${name}`), 'utf8');
  return {
    name: 'tagwave-server',
    architecture,
    conffiles: ['/etc/tagwave/server.yml'],
    fields: {
      Section: 'admin',
      Priority: 'optional',
      Depends: [...needs, 'adduser', 'git (>= 1:2.36)', 'util-linux'].join(', '),
      Suggests: 'tagwave',
      Description: `configuration in hourly tags with a brake (server)
 Releases a git repository of configuration to a fleet in hourly tags that
 reach each environment some hours apart, so that a bad commit is noticed where
 it hurts least, skipped by one line in a file, and stopped everywhere by
 creating another file.
 .
 It is not started until somebody has said where the configuration comes from.`,
    },
    scripts: { postinst: script('postinst'), prerm: script('prerm'), postrm: script('postrm') },
  };
}

function copyBuild(tree, root) {
  for (const name of readdirSync(join(root, 'dist')).filter((each) => !NOT_FOR_SERVERS.has(each)))
    copy(tree, join(root, 'dist', name), `${HOME}/dist/${name}`);
  const main = readFileSync(join(root, 'dist/tagwave-server.js'), 'utf8');
  put(tree, `${HOME}/dist/tagwave-server.js`, main.replace(/^#!.*/, `#!/${HOME}/node`), 0o755);
  copy(tree, join(root, 'package.json'), `${HOME}/package.json`);
}

/** The packages that are not in the build, with what they need, as they are installed. */
function copyModules(tree, root) {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const wanted = new Set();
  const pending = KEPT_APART.map((name) => `node_modules/${name}`);
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    if (wanted.has(path)) continue;
    wanted.add(path);
    for (const name of Object.keys(packages[path].dependencies ?? {}))
      if (!NOT_NEEDED.has(name)) pending.push(placeOf(packages, path, name));
  }
  for (const path of [...wanted].sort()) {
    if (path !== 'node_modules/better-sqlite3')
      copy(tree, join(root, path), `${HOME}/${path}`, (from) => !NOT_TO_RUN.test(basename(from)));
    else
      for (const part of ['package.json', 'LICENSE', 'lib', 'build/Release/better_sqlite3.node'])
        copy(tree, join(root, path, part), `${HOME}/${path}/${part}`);
  }
}

/** Where Node finds a package from within another. */
function placeOf(packages, from, name) {
  for (let place = from; ; place = place.slice(0, Math.max(0, place.lastIndexOf('/node_modules/')))) {
    const path = `${place === '' ? '' : `${place}/`}node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (place === '' || !place.includes('/node_modules/')) {
      if (packages[`node_modules/${name}`] !== undefined) return `node_modules/${name}`;
      throw new Error(`${name}, which ${from} needs, is not in package-lock.json`);
    }
  }
}

/** The Node that runs this; answers what it needs of the system. */
function copyNode(tree) {
  const linked = execFileSync('ldd', [process.execPath], { encoding: 'utf8' });
  if (/libnode\.so/.test(linked))
    throw new Error(
      `${process.execPath} keeps most of itself in libnode.so: build with a Node from nodejs.org or NodeSource`,
    );
  const node = join(tree, HOME, 'node');
  copyFileSync(process.execPath, node);
  chmodSync(node, 0o755);
  const addon = join(tree, HOME, 'node_modules/better-sqlite3/build/Release/better_sqlite3.node');
  return needsOf([node, addon].map((file) => readFileSync(file, 'latin1')));
}

/** Which packages have the versions of symbols that programs ask for. */
function needsOf(programs) {
  const newest = (pattern) =>
    Math.max(...programs.flatMap((bytes) => [...bytes.matchAll(pattern)].map(([, minor]) => Number(minor))));
  const gcc = {
    21: '5',
    22: '6',
    24: '7',
    25: '8',
    26: '9',
    28: '10',
    29: '11',
    30: '12',
    31: '13',
    32: '13',
    33: '14',
  };
  const cxx = newest(/GLIBCXX_3\.4\.(\d+)/g);
  return [`libc6 (>= 2.${newest(/GLIBC_2\.(\d+)/g)})`, `libstdc++6 (>= ${gcc[cxx] ?? '10'})`, 'libgcc-s1'];
}

/** The sample, with what the package has prepared left out, and where it puts the program. */
function unit(root) {
  const text = readFileSync(join(root, 'samples/systemd/tagwave-server.service'), 'utf8');
  const from = text.indexOf('[Unit]');
  return `# Settings are in /etc/tagwave/server.yml. To change this unit: systemctl edit tagwave-server\n\n${text
    .slice(from)
    .replace('/usr/local/bin/tagwave-server', '/usr/bin/tagwave-server')
    .replace('/usr/share/doc/tagwave/README.md', '/usr/share/doc/tagwave-server/README.md')}`;
}
