import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { floorHour, startOf, tagNameOf } from '../../protocol/names.ts';
import { decideBySchedule } from '../../server/core/decide.ts';
import { groupByTag } from '../../server/core/marks.ts';
import { DEFAULT_SCHEDULE, environmentsOf } from '../../server/core/schedule.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import { disposableDirectory } from '../rig/disposable.ts';

const SAMPLES = join(import.meta.dirname, '../../samples');
const SCRIPT = join(SAMPLES, 'nodetaggers/nodetagger.sh');
const NODES = `dev1.example.com: [web, dev]   # inline
qa1.example.com:
- web
- "qa"
stg1.example.com: [stg]
"east1.example.com": ['prod-east']
`;

/** A base laid out as etch's, and its nodetagger called as a server calls it. */
async function etchBase(files: Record<string, string>) {
  const base = await disposableDirectory();
  for (const [name, text] of Object.entries({ 'nodes.yml': NODES, ...files })) await writeFile(join(base, name), text);
  await symlink(SCRIPT, join(base, 'nodetagger'));
  return async (hostname: string, at: string) => {
    const { stdout, stderr, exitCode } = await execa(join(base, 'nodetagger'), [hostname], {
      cwd: base,
      extendEnv: false,
      env: { PATH: '/usr/bin:/bin', TZ: 'UTC', NODETAGGER_NOW: String(Date.parse(at) / 1000) },
      reject: false,
    });
    return { answer: stdout, why: stderr, exitCode };
  };
}

describe('nodetagger.sh', () => {
  test.each([
    ['dev1.example.com', '1400'],
    ['qa1.example.com', '1300'],
    ['stg1.example.com', '1200'],
    ['east1.example.com', '1100'],
    ['unknown.example.com', '1000'],
    ['EAST1.example.com', '1100'],
  ])('gives %s the tag of %s at 14:25', async (hostname, hour) => {
    const ask = await etchBase({});
    expect(await ask(hostname, '2026-11-20T14:25:00Z')).toMatchObject({
      exitCode: 0,
      answer: `tags/etchautotag-20261120-${hour}`,
    });
  });

  test('names the hour right across the ends of months, years and February', async () => {
    const ask = await etchBase({ 'nodes.yml': 'a: [dev]\n' });
    for (const at of [
      '2026-12-31T23:59:59Z',
      '2027-01-01T00:00:00Z',
      '2028-02-29T12:00:00Z',
      '2028-03-01T00:30:00Z',
      '2100-03-01T01:00:00Z',
      '2000-02-29T00:00:00Z',
    ]) {
      expect((await ask('a', at)).answer).toBe(`tags/${tagNameOf(floorHour(Date.parse(at)))}`);
    }
  });

  const STORIES: [string, string][] = [
    ['bad', '0800 bad\n0900 bad because\n1000 Bad\n'],
    ['badfwd', '0800 badfwd\n0900 badfwd\n1000 BADFWD added a file\n'],
    ['a mark that was corrected', '0800 bad\n0800 good\n0900 good\n0900 bad\n'],
    ['a typing mistake', '0800 bda\n0900\n1000 badfwdd\n'],
    ['the forms that people write', '# 0700 bad\n\n   0800\tbad\r\n0900 good # fine\n'],
    ['forwards over another bad one', '0700 badfwd\n0800 bad\n0900 badfwd\n1000 bad\n'],
  ];
  test.each(STORIES)('chooses as the built-in schedule does, host by host and hour by hour: %s', async (_, text) => {
    const tagstate = text.replace(/\b(\d\d00)\b/g, 'tags/etchautotag-20261120-$1');
    const ask = await etchBase({ tagstate });
    const marks = {
      base: groupByTag(parseTagstate(tagstate, 'tagstate').lines),
      repository: new Map(),
      environments: environmentsOf(DEFAULT_SCHEDULE),
    };
    const start = floorHour(Date.parse('2026-11-15T00:00:00Z'));
    for (const [hostname, hours] of Object.entries({
      'dev1.example.com': 0,
      'qa1.example.com': 1,
      'other.example.com': 4,
    })) {
      for (let hour = 8; hour <= 15; hour++) {
        const now = Date.parse('2026-11-20T00:10:00Z') + startOf(hour);
        const tags = Array.from({ length: floorHour(now) - start + 1 }, (__, index) => ({
          name: tagNameOf(start + index),
          hour: start + index,
          broken: null,
        }));
        const wave = {
          name: 'w',
          environment: [...marks.environments][0] ?? ('' as never),
          hours,
          require: 'not-bad',
          lookbackHours: 72,
        } as const;
        const decision = decideBySchedule({ now, tags, marks, wave });
        const { answer, exitCode } = await ask(hostname, new Date(now).toISOString());
        expect({ hostname, hour, answer, ok: exitCode === 0 }).toEqual({
          hostname,
          hour,
          answer: decision.outcome === 'serve' ? `tags/${decision.tag}` : '',
          ok: decision.outcome === 'serve',
        });
      }
    }
  });

  test('stops a tag everywhere that is marked bad for one environment, and approves none that is good for one', async () => {
    const ask = await etchBase({
      tagstate: 'etchautotag-20261120-1400 bad:production\netchautotag-20261120-1300 good:qa\n',
    });
    expect((await ask('dev1.example.com', '2026-11-20T14:25:00Z')).answer).toBe('tags/etchautotag-20261120-1300');
  });

  test('says nothing and fails where no tag is fit, and the last line of stderr says why', async () => {
    const tagstate = Array.from(
      { length: 80 },
      (_, index) => `${tagNameOf(floorHour(Date.parse('2026-11-20T14:00:00Z')) - index)} bad\n`,
    ).join('');
    const ask = await etchBase({ tagstate });
    expect(await ask('dev1.example.com', '2026-11-20T14:25:00Z')).toEqual({
      exitCode: 1,
      answer: '',
      why: 'nodetagger: no fit tag from 0 to 72 hours ago',
    });
  });

  test('fails where nodes.yml cannot be read, so that no host falls into the wave of those nobody knows', async () => {
    const run = await execa(SCRIPT, ['dev1.example.com'], { cwd: await disposableDirectory(), reject: false });
    expect(run.exitCode).not.toBe(0);
    expect(run.stdout).toBe('');
  });

  test('is plain sh', async () => {
    await execa('dash', ['-n', SCRIPT]);
    await execa('sh', ['-n', SCRIPT]);
  });
});

describe('nodetagger.mjs', () => {
  interface Scheduled {
    readonly hours: number;
    readonly require: string | undefined;
  }
  type Nodetagger = (hostname: string, context: object) => string | undefined;

  async function asked(hostname: string, groups: string[]): Promise<Scheduled[]> {
    const module = (await import(pathToFileURL(join(SAMPLES, 'nodetaggers/nodetagger.mjs')).href)) as {
      default: Nodetagger;
    };
    const calls: Scheduled[] = [];
    const scheduled = (hours: number, options?: { require?: string }): string => {
      calls.push({ hours, require: options?.require });
      return `etchautotag-20261120-${String(14 - hours).padStart(2, '0')}00`;
    };
    const context = { groups, tags: [], marks: {}, now: new Date('2026-11-20T14:25:00Z'), scheduled };
    expect(module.default(hostname, context)).toBe(`etchautotag-20261120-${14 - (calls[0]?.hours ?? 0)}00`);
    return calls;
  }

  test.each([
    ['ci.example.com', ['dev'], 0],
    ['ci.example.com', ['int'], 0],
    ['web1.example.com', ['qa'], 1],
    ['web1.example.com', ['stg'], 2],
    ['web1.example.com', ['prod'], 3],
    ['web2.example.com', ['prod'], 4],
    ['mail.example.com', [], 4],
  ])('asks for %s with groups %j what is scheduled at %i hours', async (hostname, groups, hours) => {
    expect(await asked(hostname, groups)).toEqual([{ hours, require: undefined }]);
  });

  test('lets the careful ones have only what was marked good', async () => {
    expect(await asked('pay1.example.com', ['dev', 'payments'])).toEqual([{ hours: 4, require: 'good' }]);
  });
});

describe('nodegrouper', () => {
  test.each([
    ['web3.qa.example.com', ['web', 'qa']],
    ['mail.example.com', ['mail']],
    ['db-12.east.example.com', ['db', 'prod-east']],
    ['localhost', ['localhost']],
    ['7.dev.example.com', ['dev']],
  ])('reads off the name %s that it is in %j', async (hostname, groups) => {
    const { stdout } = await execa(join(SAMPLES, 'nodegrouper'), [hostname]);
    expect(stdout.split('\n')).toEqual(groups);
  });

  test('fails without a name', async () => {
    expect((await execa(join(SAMPLES, 'nodegrouper'), { reject: false })).exitCode).not.toBe(0);
  });
});
