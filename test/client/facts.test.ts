import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { machineFacts } from '../../client/adapters/machine-facts.ts';
import { factsOf, isSameFacts, parseFact, parseOsRelease } from '../../client/core/facts.ts';
import { parseConfig } from '../../client/settings/config-text.ts';
import { layerOfEnvironment } from '../../client/settings/environment.ts';
import { mergeSettings } from '../../client/settings/merge.ts';
import { reportSchema } from '../../protocol/assignment.ts';
import { disposableDirectory } from '../rig/disposable.ts';

describe('what is found of the machine', () => {
  test('is what os-release and uname say', async () => {
    const file = join(await disposableDirectory(), 'os-release');
    await writeFile(file, 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n');
    const uname = (flag: string): string => execFileSync('uname', [flag], { encoding: 'utf8' }).trim();
    const found = machineFacts(['/nonexistent/os-release', file]);
    expect(found).toEqual({ os: 'debian', os_version: '12', arch: uname('-m'), kernel: uname('-r') });
  });

  test('leaves out what is not known', async () => {
    const file = join(await disposableDirectory(), 'os-release');
    expect(Object.keys(machineFacts([file]))).toEqual(['arch', 'kernel']);
    await writeFile(file, `ID=arch\nVERSION_ID=${'x'.repeat(2000)}\n`);
    expect(Object.keys(machineFacts([file]))).toEqual(['os', 'arch', 'kernel']);
  });

  test.each([
    ['ID=debian', 'debian'],
    ['ID="debian"', 'debian'],
    ["ID='debian'", 'debian'],
    ['  ID=debian  \r', 'debian'],
    ['# ID=other\nID=debian', 'debian'],
    ['ID="a \\"b\\" \\$c"', 'a "b" $c'],
    ['ID=', ''],
    ['NOT AN ASSIGNMENT', undefined],
    ['ID="', '"'],
  ])('of %j is the ID %j', (text, expected) => {
    expect(parseOsRelease(text).get('ID')).toBe(expected);
  });
});

describe('a fact that is set', () => {
  test.each(['site=berlin', 'rack=', 'a.b-c_9=x=y z', `long=${'x'.repeat(1000)}`])('may be %j', (text) => {
    expect(parseFact(text)).toBe(text);
  });

  test.each(['site', '=x', '1st=x', 'a b=c', 'a/b=c', 'a=b\nc', `long=${'x'.repeat(1001)}`, ''])(
    'is not %j',
    (text) => {
      expect(parseFact(text)).toBeUndefined();
    },
  );

  test('counts before what is found, and the last of two of the same name', () => {
    expect(factsOf({ os: 'debian', arch: 'x86_64' }, ['site=a', 'os=devuan', 'site=b'])).toEqual({
      arch: 'x86_64',
      os: 'devuan',
      site: 'b',
    });
  });

  test('can always be reported', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }).map((text) => `n=${text}`)), (texts) => {
        const facts = factsOf(
          {},
          texts.filter((text) => parseFact(text) !== undefined),
        );
        expect(reportSchema.shape.facts.safeParse(facts).success).toBe(true);
      }),
    );
  });

  test('is written in the file as a list or as a map, and repeated as a flag or in a variable', async () => {
    const factsIn = async (text: string): Promise<readonly string[] | readonly string[][]> => {
      const file = parseConfig('client.yml', text);
      if (!file.ok) return file.errors;
      const merged = mergeSettings([file.layer]);
      return merged.ok ? merged.settings.facts : merged.errors;
    };
    expect(await factsIn('fact: [site=berlin, rack=12]')).toEqual(['site=berlin', 'rack=12']);
    expect(await factsIn('fact: {site: berlin, rack: 12, spare: true}')).toEqual([
      'site=berlin',
      'rack=12',
      'spare=true',
    ]);
    expect(await factsIn('fact: site=berlin')).toEqual(['site=berlin']);
    expect(await factsIn('\nfact: {site: [a]}')).toEqual([
      expect.stringMatching(/^client.yml line 2: fact: expected NAME=VALUE/),
    ]);
    expect(await factsIn('fact: [site]')).toEqual([expect.stringMatching(/^client.yml line 1: fact: .*found "site"$/)]);
    expect(mergeSettings([layerOfEnvironment({ TAGWAVE_CLIENT_FACT: 'site=berlin rack=12' })])).toMatchObject({
      ok: true,
      settings: { facts: ['site=berlin', 'rack=12'] },
    });
  });
});

test('facts are the same whatever their order, and not with one more, less or other', () => {
  expect(isSameFacts({ a: '1', b: '2' }, { b: '2', a: '1' })).toBe(true);
  for (const other of [{ a: '1' }, { a: '1', b: '3' }, { a: '1', b: '2', c: '3' }, { a: '1', c: '2' }])
    expect(isSameFacts({ a: '1', b: '2' }, other)).toBe(false);
});
