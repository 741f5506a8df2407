import { expect, test } from 'vitest';
import {
  type EnrolmentRequest,
  enrol,
  type JoiningRules,
  judge,
  MOST_PENDING,
  MOST_PENDING_OF_ADDRESS,
} from '../../server/core/enrolment.ts';
import { rotate } from '../../server/core/rotation.ts';
import { idOfToken, type TokenDigest } from '../../server/core/token.ts';
import { addToken, freeName, revokeTokens } from '../../server/core/token-change.ts';
import type { Attempt } from '../../server/ports/common.ts';
import type { Credentials } from '../../server/ports/credentials.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import {
  digest,
  host,
  joinCredential,
  NOW,
  newToken,
  nodeCredential,
  openTestCredentials,
  personCredential,
  put,
} from './samples.ts';

const HOUR_MS = 3_600_000;
const FIRST_USE: JoiningRules = { joining: 'first-use', mostNames: 1_000 };
const APPROVE: JoiningRules = { joining: 'approve', pendingMs: HOUR_MS, mostNames: 1_000 };

async function opened(): Promise<Credentials> {
  return openTestCredentials(await disposableDirectory());
}

function value<Value>(attempt: Attempt<Value>): Value {
  if (!attempt.ok) throw new Error(attempt.sentence);
  return attempt.value;
}

async function ask(
  credentials: Credentials,
  name: string,
  token: string,
  rules: JoiningRules,
  more: Partial<EnrolmentRequest> = {},
) {
  const request = {
    hostname: host(name),
    digest: digest(token),
    at: NOW,
    from: '192.0.2.9',
    showedOther: false,
    ...more,
  };
  return value(await credentials.change((kept) => enrol(kept, request, rules)));
}

async function joinRules(
  credentials: Credentials,
  hosts: string,
  more: Parameters<typeof joinCredential>[1] = {},
  groups: string[] = [],
) {
  const join = joinCredential(hosts, more);
  await put(credentials, join);
  return { joining: 'join-token', shown: join.id, groups, mostNames: 1_000 } as const;
}

test('under first-use a new name gets in once; the same digest again is answered the same, any other is refused', async () => {
  const credentials = await opened();
  const token = newToken();
  expect(await ask(credentials, 'web1', token, FIRST_USE)).toMatchObject({ kind: 'in', isNew: true });
  expect(await ask(credentials, 'web1', token, FIRST_USE)).toMatchObject({ kind: 'in', isNew: false });
  expect(await ask(credentials, 'web1', newToken(), FIRST_USE)).toMatchObject({ kind: 'refused' });
  expect(credentials.ofNode(host('web1'))).toHaveLength(1);
});

test('a hundred who ask at once for one name: exactly one gets in', async () => {
  const credentials = await opened();
  const all = await Promise.all(Array.from({ length: 100 }, () => ask(credentials, 'web1', newToken(), FIRST_USE)));
  expect(all.filter(({ kind }) => kind === 'in')).toHaveLength(1);
});

test('a name whose tokens were revoked is not free under first-use, and neither is the revoked token, until it is forgotten', async () => {
  const credentials = await opened();
  const token = newToken();
  await ask(credentials, 'web1', token, FIRST_USE);
  await credentials.change((kept) => revokeTokens(kept, { hostname: host('web1') }, NOW));
  expect(credentials.ofNode(host('web1'))).toEqual([]);
  expect(await ask(credentials, 'web1', newToken(), FIRST_USE)).toMatchObject({ kind: 'refused' });
  expect(await ask(credentials, 'web1', token, FIRST_USE)).toMatchObject({ kind: 'refused' });
  expect(value(await credentials.change((kept) => freeName(kept, host('web1'), NOW)))).toMatchObject({
    wasTaken: true,
  });
  expect(await ask(credentials, 'web1', token, FIRST_USE)).toMatchObject({ kind: 'in', isNew: true });
});

test.each(['person', 'node', 'join'] as const)(
  'nobody takes the place of the token of a %s by handing in a digest with its id',
  async (kind) => {
    const credentials = await opened();
    const victim = { person: personCredential('ci'), node: nodeCredential('db1'), join: joinCredential('*') }[kind];
    await put(credentials, victim);
    const forged = (victim.digest.slice(0, 16) + digest(newToken()).slice(16)) as TokenDigest;
    expect(idOfToken(forged)).toBe(victim.id);
    for (const rules of [FIRST_USE, APPROVE, await joinRules(credentials, '**')])
      for (const handedIn of [forged, victim.digest])
        expect(await ask(credentials, 'web1', newToken(), rules, { digest: handedIn })).toMatchObject({
          kind: 'refused',
        });
    expect(credentials.find(victim.id)).toEqual(victim);
  },
);

test('a limited join token lets in no more hosts than it may, however many ask at once, and each counts once', async () => {
  const credentials = await opened();
  const rules = await joinRules(credentials, '*.example.com', { usesLeft: 7 });
  const hosts = Array.from({ length: 40 }, (_, index) => ({ name: `web${index}`, token: newToken() }));
  const all = await Promise.all([...hosts, ...hosts].map(({ name, token }) => ask(credentials, name, token, rules)));
  expect(all.filter((one) => one.kind === 'in' && one.isNew)).toHaveLength(7);
  expect(all.filter((one) => one.kind === 'in' && !one.isNew)).toHaveLength(7);
  expect(credentials.find(rules.shown)).toMatchObject({ usesLeft: 0 });
});

test('a join token counts for its hosts and groups and until it expires, and nothing else that is shown does', async () => {
  const credentials = await opened();
  const join = (hosts: string, more = {}, groups: string[] = []) => joinRules(credentials, hosts, more, groups);
  const kindFor = async (rules: JoiningRules, more = {}) =>
    (await ask(credentials, 'web1', newToken(), rules, more)).kind;
  expect(await kindFor(await join('db*.example.com'))).toBe('refused');
  expect(await kindFor(await join('*.example.com', { expiresAt: NOW }))).toBe('refused');
  expect(await kindFor(await join('*.example.com', { groups: ['web'] }, ['db']))).toBe('refused');
  expect(await kindFor({ ...(await join('*.example.com')), shown: undefined })).toBe('refused');
  const person = personCredential('ci');
  await put(credentials, person);
  expect(await kindFor({ ...(await join('*.example.com')), shown: person.id })).toBe('refused');
  expect(await kindFor(await join('*.example.com'), { showedOther: true })).toBe('refused');
  expect(await kindFor({ ...FIRST_USE }, { showedOther: true })).toBe('refused');
  expect(await kindFor({ joining: 'closed', mostNames: 9 })).toBe('refused');
  expect(await kindFor(await join('*.example.com', { groups: ['web'] }, ['web', 'all']))).toBe('in');
});

test('a lost answer can be asked for again when the join token counts no more', async () => {
  const credentials = await opened();
  const token = newToken();
  await ask(credentials, 'web1', token, await joinRules(credentials, '*.example.com', { usesLeft: 1 }));
  const again = await ask(credentials, 'web1', token, { joining: 'closed', mostNames: 9 }, { showedOther: true });
  expect(again).toMatchObject({ kind: 'in', isNew: false });
});

test('who waits does not count; a second who asks for the name waits besides; the one that is approved is the only one', async () => {
  const credentials = await opened();
  const [one, two, old] = [newToken(), newToken(), nodeCredential('web1')];
  await put(credentials, old);
  for (const token of [one, two]) {
    const asked = await ask(credentials, 'web1', token, APPROVE);
    expect(asked).toMatchObject({ kind: 'in', credential: { state: 'pending', expiresAt: NOW + HOUR_MS } });
  }
  expect(
    credentials
      .ofNode(host('web1'))
      .map(({ state }) => state)
      .sort(),
  ).toEqual(['active', 'pending', 'pending']);
  const id = idOfToken(digest(two));
  const judged = value(
    await credentials.change((kept) => judge(kept, { id, isApproved: true, at: NOW, mostNames: 9 })),
  );
  expect(judged).toMatchObject({ kind: 'done', credential: { state: 'active', expiresAt: null } });
  expect(credentials.ofNode(host('web1'))).toEqual([expect.objectContaining({ id, state: 'active' })]);
  expect(await ask(credentials, 'web1', one, APPROVE)).toMatchObject({ kind: 'refused' });
});

test('who was turned down is not let wait again with the same token, and who waited too long is no longer let in', async () => {
  const credentials = await opened();
  const [one, two] = [newToken(), newToken()];
  await ask(credentials, 'web1', one, APPROVE);
  await ask(credentials, 'web2', two, APPROVE);
  const verdict = { id: idOfToken(digest(one)), isApproved: false, at: NOW, mostNames: 9 };
  expect(value(await credentials.change((kept) => judge(kept, verdict)))).toMatchObject({ kind: 'done' });
  expect(await ask(credentials, 'web1', one, APPROVE)).toMatchObject({ kind: 'refused' });
  const late = { id: idOfToken(digest(two)), isApproved: true, at: NOW + HOUR_MS, mostNames: 9 };
  expect(value(await credentials.change((kept) => judge(kept, late)))).toMatchObject({ kind: 'unknown' });
});

test('how many wait is bounded, by name and in all', async () => {
  const credentials = await opened();
  const ofName = await Promise.all(Array.from({ length: 20 }, () => ask(credentials, 'web1', newToken(), APPROVE)));
  expect(ofName.filter(({ kind }) => kind === 'in')).toHaveLength(5);
  const names = Array.from({ length: MOST_PENDING + 10 }, (_, index) => `n${index}`);
  await Promise.all(
    names.map((name, index) => ask(credentials, name, newToken(), APPROVE, { from: `192.0.2.${index % 100}` })),
  );
  expect(credentials.list({ kinds: ['node'], state: 'pending', limit: 9_999 })).toHaveLength(MOST_PENDING);
});

test('nobody alone takes the places of all who wait', async () => {
  const credentials = await opened();
  const names = Array.from({ length: MOST_PENDING_OF_ADDRESS + 10 }, (_, index) => `n${index}`);
  const all = await Promise.all(names.map((name) => ask(credentials, name, newToken(), APPROVE)));
  expect(all.filter(({ kind }) => kind === 'in')).toHaveLength(MOST_PENDING_OF_ADDRESS);
  expect((await ask(credentials, 'web1', newToken(), APPROVE, { from: '192.0.2.10' })).kind).toBe('in');
});

test('how many names are taken is bounded', async () => {
  const credentials = await opened();
  const rules = { ...FIRST_USE, mostNames: 3 };
  const all = await Promise.all([1, 2, 3, 4, 5].map((n) => ask(credentials, `web${n}`, newToken(), rules)));
  expect(all.map(({ kind }) => kind)).toEqual(['in', 'in', 'in', 'refused', 'refused']);
});

async function replace(credentials: Credentials, shown: string, token: string, at = NOW) {
  const request = {
    hostname: host('web1'),
    shown: idOfToken(digest(shown)),
    digest: digest(token),
    at,
    from: null,
    overlapMs: HOUR_MS,
  };
  return value(await credentials.change((kept) => rotate(kept, request)));
}

test('a replaced token counts for the overlap besides the new one, and the same request again is answered the same', async () => {
  const credentials = await opened();
  const [old, next] = [newToken(), newToken()];
  await put(credentials, nodeCredential('web1', old));
  const first = await replace(credentials, old, next);
  expect(first).toMatchObject({ kind: 'done', isNew: true, oldUntil: NOW + HOUR_MS });
  expect(await replace(credentials, old, next, NOW + 5)).toMatchObject({ ...first, isNew: false });
  expect(credentials.find(idOfToken(digest(old)))).toMatchObject({ expiresAt: NOW + HOUR_MS });
  expect(credentials.find(idOfToken(digest(next)))).toMatchObject({ state: 'active', expiresAt: null });
});

test('a replaced token cannot be replaced by yet another: who found it cannot keep the name', async () => {
  const credentials = await opened();
  const old = newToken();
  await put(credentials, nodeCredential('web1', old));
  await replace(credentials, old, newToken());
  expect(await replace(credentials, old, newToken())).toEqual({ kind: 'replaced' });
  expect(await replace(credentials, old, newToken(), NOW + HOUR_MS)).toMatchObject({ kind: 'refused' });
});

test('so many tokens of a node count at a time, and the next may come when the first has ended', async () => {
  const credentials = await opened();
  const [a, b, c, d] = [newToken(), newToken(), newToken(), newToken()];
  await put(credentials, nodeCredential('web1', a));
  await replace(credentials, a, b);
  await replace(credentials, b, c, NOW + 1);
  expect(await replace(credentials, c, d, NOW + 2)).toEqual({ kind: 'too-many', until: NOW + HOUR_MS });
  expect(await replace(credentials, c, d, NOW + HOUR_MS)).toMatchObject({ kind: 'done' });
});

test('a token that ends on a day hands that day on to the one in its place', async () => {
  const credentials = await opened();
  const [old, next] = [newToken(), newToken()];
  await put(credentials, nodeCredential('web1', old, { expiresAt: NOW + 1000 }));
  expect(await replace(credentials, old, next)).toMatchObject({
    oldUntil: NOW + 1000,
    credential: { expiresAt: NOW + 1000 },
  });
});

test('a token that admins make does not take the place of one with the same id, and people have so many at most', async () => {
  const credentials = await opened();
  const ci = personCredential('ci');
  const limits = { at: NOW, mostNames: 9 };
  await put(credentials, ci);
  expect(value(await credentials.change((kept) => addToken(kept, { ...ci, name: 'eve' }, limits)))).toMatchObject({
    kind: 'refused',
  });
  await put(credentials, ...Array.from({ length: 999 }, (_, index) => personCredential(`p${index}`)));
  expect(value(await credentials.change((kept) => addToken(kept, personCredential('one more'), limits)))).toMatchObject(
    {
      kind: 'refused',
    },
  );
});
