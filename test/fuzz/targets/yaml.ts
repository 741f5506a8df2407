import { parseConfig } from '../../../client/settings/config-text.ts';
import { readUsual } from '../../../client/settings/config-usual.ts';
import type { Hostname } from '../../../protocol/names.ts';
import { parseCases } from '../../../server/core/cases.ts';
import { parseDeploy } from '../../../server/core/deploy.ts';
import { groupsOf, parseNodeGroups } from '../../../server/core/groups.ts';
import { parseNodes } from '../../../server/core/nodes.ts';
import { parseSchedule, waveOf } from '../../../server/core/schedule.ts';
import { mergeVars, parseVars } from '../../../server/core/vars.ts';
import { isEmptyYaml, type Parsed } from '../../../server/core/yaml-file.ts';
import { readSettings } from '../../../server/settings/read.ts';
import { textsOf } from '../inputs.ts';
import { must, type Target, target } from '../target.ts';

const YAML = [
  ...[
    'a: ',
    '- ',
    '  ',
    '{',
    '}',
    '[',
    ']',
    ', ',
    ': ',
    '? ',
    '| ',
    '> ',
    '"',
    "'",
    '&a ',
    '*a ',
    '<<: ',
    '!!js ',
    '!!binary ',
  ],
  ...['---\n', '...\n', '# note\n', '%YAML 1.1\n', 'true', 'null', '~', '1e400', '0o17', '.inf', '.nan', '2026-11-20'],
  ...['__proto__: ', 'constructor: ', '[[[[[[[[[[', '{a: {a: {a: ', '\t'],
];
const OWN = {
  'schedule.yml': [
    'waves:\n',
    '  - {environment: qa, groups: [qa], hours: 1}\n',
    '  - {environment: p, default: true, hours: 4}\n',
    'percent: 10',
    'require: good',
    'lookback_hours: 3',
    'halt_after: {failed: 2}',
  ],
  'nodes.yml': ['web1: [prod]\n', 'web*: {groups: [a], tag: trunk}\n', '"**": []\n', 'tag: etchautotag-20261120-0800'],
  'nodegroups.yml': ['a: [b]\n', 'b: [a]\n', 'prod: [web, db]\n', 'c: []\n'],
  'deploy.yml': [
    'layers:\n',
    '  - common\n',
    '  - "hosts/{hostname}"\n',
    'vars: [vars/{group}.yml]\n',
    'files:\n',
    '  - {path: "**", mode: "0644"}\n',
    'templates: ["*.liquid"]\n',
    'hooks: []\n',
    'exclude: ["*~"]\n',
  ],
  vars: ['port: 80\n', 'list: [1, 2]\n', 'hostname: x\n', 'a: {b: {c: 1}}\n'],
  'server.yml': [
    'listen: 127.0.0.1:0\n',
    'repo: {url: "https://u:p@h/x"}\n',
    'auth: {nodes: none}\n',
    'http: {trust_proxy: [10.0.0.0/8]}\n',
    'tls: {cert: a, key: b}\n',
    'workers: auto\n',
    'settle_seconds: 2\n',
  ],
  cases: ['- {wave: {hours: 4}, now: 2026-11-20T11:20Z, tags: [], expect: hold}\n', 'cases:\n', 'tagstate: |\n'],
} as const;
type File = keyof typeof OWN;

const READERS: Readonly<
  Record<File, (text: string) => Parsed<unknown> | { readonly ok: boolean; readonly errors?: readonly unknown[] }>
> = {
  'schedule.yml': (text) => {
    const parsed = parseSchedule(text);
    if (parsed.ok) must(waveOf(parsed.value, 'web1' as Hostname, []) !== undefined, 'everyone has a wave', text);
    return parsed;
  },
  'nodes.yml': (text) => {
    const parsed = parseNodes(text);
    if (parsed.ok)
      groupsOf({ nodes: parsed.value, nodeGroups: { parents: new Map() }, hostname: 'web1' as Hostname, grouper: [] });
    return parsed;
  },
  'nodegroups.yml': (text) => parseNodeGroups(text),
  'deploy.yml': (text) => parseDeploy(text),
  vars: (text) => {
    const parsed = parseVars('vars.yml', text);
    if (parsed.ok) mergeVars([parsed.value, parsed.value]);
    return parsed;
  },
  'server.yml': (text) => readSettings({ base: '/base', env: {}, flags: {}, text }),
  cases: (text) => parseCases(text, 'cases.yml'),
};

function yamlTarget(file: File): Target {
  const words = [...OWN[file], ...OWN[file], ...YAML];
  return target({
    name: file === 'vars' || file === 'cases' ? file : file.replace('.yml', ''),
    weight: 1,
    words,
    inputs: textsOf(words, ['', '', ' ', '\n']),
    check(input) {
      const text = input.toString();
      isEmptyYaml(text);
      const parsed = READERS[file](text);
      must(({} as Record<string, unknown>)['polluted'] === undefined, 'no prototype was changed', text);
      if (parsed.ok) return;
      const errors = parsed.errors ?? [];
      must(
        errors.length > 0 && (file === 'cases' || errors.length <= 501),
        'what is refused has its errors told, not too many',
        errors.length,
      );
      for (const error of errors) must(JSON.stringify(error).length < 20_000, 'an error is short', error);
    },
  });
}

export const yamlFiles: readonly Target[] = (Object.keys(OWN) as File[]).map(yamlTarget);

const CLIENT = [
  ...['server: https://a/\n', 'server:\n  - https://a/\n  - https://b/\n', 'hostname: web1\n', 'target: /srv/x\n'],
  ...[
    'splay: 30\n',
    'tag: trunk\n',
    'facts:\n  a: b\n',
    'verbose: true\n',
    'target: "a b"\n',
    'target: "\\x41"\n',
    'root: /\n',
  ],
  ...['server: ', 'target: ', '  - ', '0123', '1_000', '0x1f', 'No', '.5', '2026-11-20', 'a: b', 'a #b', '"a"', "'a'"],
];

export const clientConfig: Target = target({
  name: 'client-config',
  weight: 2,
  words: [...CLIENT, ...YAML],
  inputs: textsOf(CLIENT, ['', '\n', ' ']),
  check(input) {
    const text = input.toString();
    const whole = parseConfig('client.yml', text);
    const short = readUsual('client.yml', text);
    if (short === undefined) return;
    must(whole.ok, 'the quick way takes nothing that the whole one refuses', text);
    must(JSON.stringify(sorted(short)) === JSON.stringify(sorted(whole.layer)), 'both ways read the same', [
      text,
      short,
      whole,
    ]);
  },
});

function sorted(layer: object): unknown {
  return Object.entries(layer).sort(([a], [b]) => (a < b ? -1 : 1));
}
