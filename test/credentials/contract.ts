import { describe, expect, test } from 'vitest';
import type { Credentials } from '../../server/ports/credentials.ts';
import { apply, DAY_MS, host, joinCredential, NOW, nodeCredential, personCredential, put } from './samples.ts';

/** What whoever keeps credentials has to do. `open` answers one over the same place each time. */
export function credentialsContract(name: string, place: () => Promise<() => Credentials>): void {
  describe(`credentials in ${name}`, () => {
    test('are found by their id and host as they were put, also by who opens them later', async () => {
      const open = await place();
      const all = [
        nodeCredential('web1'),
        nodeCredential('web2', undefined, { state: 'pending', expiresAt: NOW + DAY_MS }),
        personCredential('ci'),
        joinCredential('*.example.com', { groups: ['web', 'db'], usesLeft: 3 }),
        { ...personCredential('bob', { role: 'viewer' }), kind: 'session' as const },
      ];
      const first = open();
      await put(first, ...all);
      await first.close();
      const again = open();
      for (const credential of all) expect(again.find(credential.id)).toEqual(credential);
      expect(again.ofNode(host('web1'))).toEqual([all[0]]);
      expect(again.ofNode(host('web9'))).toEqual([]);
    });

    test('that were dropped are not found, are barred, and leave their name taken; freed, the name and they may come again', async () => {
      const credentials = (await place())();
      const web = nodeCredential('web1');
      await put(credentials, web);
      await apply(credentials, { kind: 'drop', id: web.id, at: NOW });
      expect(credentials.find(web.id)).toBeUndefined();
      expect(credentials.namesWithoutToken({ limit: 10 })).toEqual([web.hostname]);
      const look = () =>
        credentials.change((kept) => ({
          result: [kept.isGone(web.id), kept.isTaken(web.hostname), kept.count('names')],
          changes: [],
        }));
      expect(await look()).toEqual({ ok: true, value: [true, true, 1] });
      await apply(credentials, { kind: 'free', hostname: web.hostname, at: NOW });
      expect(await look()).toEqual({ ok: true, value: [false, false, 0] });
      expect(credentials.namesWithoutToken({ limit: 10 })).toEqual([]);
    });

    test('of hosts that only wait do not take the name', async () => {
      const credentials = (await place())();
      const web = nodeCredential('web1', undefined, { state: 'pending' });
      await put(credentials, web);
      const taken = await credentials.change((kept) => ({
        result: [kept.isTaken(web.hostname), kept.count('pending')],
        changes: [],
      }));
      expect(taken).toEqual({ ok: true, value: [false, 1] });
    });

    test('are listed by kind and state in pages', async () => {
      const credentials = (await place())();
      const people = Array.from({ length: 5 }, (_, index) => personCredential(`p${index}`));
      await put(credentials, ...people, nodeCredential('a'), nodeCredential('b', undefined, { state: 'pending' }));
      const ids = people.map(({ id }) => id).sort();
      const first = credentials.list({ kinds: ['person'], limit: 3 });
      expect(first.map(({ id }) => id)).toEqual(ids.slice(0, 3));
      expect(credentials.list({ kinds: ['person'], after: ids[2], limit: 3 }).map(({ id }) => id)).toEqual(
        ids.slice(3),
      );
      expect(credentials.list({ kinds: ['node'], state: 'pending', limit: 9 })).toHaveLength(1);
      expect(credentials.list({ kinds: ['node', 'person', 'join'], limit: 9 })).toHaveLength(7);
    });

    test('say when they were last used, also when who noted it has ended', async () => {
      const open = await place();
      const ci = personCredential('ci');
      const first = open();
      await put(first, ci);
      expect(first.find(ci.id)).toBeDefined();
      first.noteUse(ci.id, { at: NOW + 5, from: '192.0.2.7' });
      await first.close();
      const [listed] = open().list({ kinds: ['person'], limit: 1 });
      expect(listed?.lastUse).toEqual({ at: NOW + 5, from: '192.0.2.7' });
    });

    test('that have expired are swept: sessions, hosts that wait and replaced tokens at once, others after a week', async () => {
      const credentials = (await place())();
      const over = { expiresAt: NOW };
      const waiting = nodeCredential('a', undefined, { ...over, state: 'pending' });
      const replaced = nodeCredential('b', undefined, { ...over, replacedBy: waiting.id });
      const session = { ...personCredential('s', over), kind: 'session' as const };
      const person = personCredential('p', over);
      await put(credentials, waiting, replaced, session, person);
      await apply(credentials, { kind: 'sweep', at: NOW });
      expect([waiting, replaced, session].map(({ id }) => credentials.find(id))).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(credentials.find(person.id)).toEqual(person);
      await apply(credentials, { kind: 'sweep', at: NOW + 7 * DAY_MS });
      expect(credentials.find(person.id)).toBeUndefined();
    });

    test('are changed by one after the other: each decides by what those before it did, also in the same turn', async () => {
      const credentials = (await place())();
      const counts = await Promise.all(
        Array.from({ length: 50 }, () =>
          credentials.change((kept) => ({
            result: kept.count('person'),
            changes: [{ kind: 'put', credential: personCredential('p') }],
          })),
        ),
      );
      expect(counts.map((one) => one.ok && one.value)).toEqual(Array.from({ length: 50 }, (_, index) => index));
    });

    test('stay as they were where a decision throws, which is told to who made it alone', async () => {
      const credentials = (await place())();
      const ci = personCredential('ci');
      const bad = credentials.change(() => {
        throw new Error('a defect');
      });
      const good = put(credentials, ci);
      await expect(bad).rejects.toThrow('a defect');
      await good;
      expect(credentials.find(ci.id)).toEqual(ci);
    });
  });
}
