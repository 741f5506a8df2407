import type { Problem } from '../../core/problem.ts';
import type { Attempt } from '../../ports/common.ts';
import type { ClientTrust, TlsFiles } from '../../ports/tls.ts';
import type { TlsSettings } from '../../settings/settings.ts';
import { systemClock } from '../system-clock.ts';
import { type Clients, clientProblems, readClients } from './clients.ts';
import { keepRead } from './kept.ts';
import { isInTime, type Pair, readPair, timeProblems } from './pair.ts';
import { pathsOf } from './pem.ts';

/** Whoever looks more often sees what the last look saw: a change is only taken when it is as old as that. */
const LOOK_MS = 900;

/** Certificates are in time by the machine's own clock: OpenSSL knows no other. */
const { now, monotonic } = systemClock;

/**
 * Keeps up with the files of TLS. A pair that cannot be used changes nothing as long as there is one that can. Of those who
 * may show a certificate nobody is let in while their files are unclear.
 */
export function openTlsFiles(settings: TlsSettings): TlsFiles {
  const { cert, key, clientCa, clientCrl } = settings;
  const place = (setting: string, at: string | null) => (at === null ? null : { setting, place: at });
  const pairPaths = [place('tls.cert', cert), place('tls.key', key)];
  const clientPaths = [place('tls.client_ca', clientCa), place('tls.client_crl', clientCrl)];
  const pairs = keepRead(
    () => pathsOf(pairPaths),
    () => readPair(settings),
  );
  const clients =
    clientCa === null
      ? null
      : keepRead(
          () => pathsOf(clientPaths),
          () => readClients(settings),
        );
  let lookedAt = monotonic();
  let pair = pairs.last();
  let known = clients?.last();
  let trust = trustIn(known, null);

  const take = (): void => {
    if (isBetter(pairs.last(), pair)) pair = pairs.last();
    if (known === clients?.last()) return;
    known = clients?.last();
    trust = trustIn(known, trust);
  };

  return {
    look() {
      if (monotonic() - lookedAt < LOOK_MS) return;
      lookedAt = monotonic();
      pairs.look();
      clients?.look();
      take();
    },
    material() {
      if (!pair.ok) return pair;
      return { ok: true, value: { cert: pair.value.cert, key: pair.value.key, clients: trust } };
    },
    problems: () => [...pairProblems(pair, pairs.last()), ...(clients === null ? [] : troubleOf(clients.last()))],
  };
}

/** One that is out of time takes the place of no other that is in time. */
function isBetter(next: Attempt<Pair>, present: Attempt<Pair>): boolean {
  if (!next.ok) return false;
  return !present.ok || isInTime(next.value, now()) || !isInTime(present.value, now());
}

/** The same as before where it says the same: who was let in by it still is. */
function trustIn(known: Attempt<Clients> | undefined, before: ClientTrust | null): ClientTrust | null {
  if (!known?.ok) return null;
  const { trust } = known.value;
  return before !== null && textOf(trust) === textOf(before) ? before : trust;
}

function textOf({ ca, crl }: ClientTrust): string {
  return JSON.stringify([ca, crl]);
}

function pairProblems(used: Attempt<Pair>, last: Attempt<Pair>): Problem[] {
  if (!used.ok) return [unusable('tls:pair', used, '')];
  const { value } = used;
  const problems = [...timeProblems(value, now()), ...value.exposure];
  if (last.ok && last.value.cert === value.cert) return problems;
  const why = last.ok
    ? { sentence: `tls.cert: the certificate in ${last.value.path} is not valid now`, hint: 'look at its dates' }
    : last;
  return [unusable('tls:pair', why, ': the certificate from before is still in use'), ...problems];
}

function troubleOf(last: Attempt<Clients>): Problem[] {
  if (last.ok) return clientProblems(last.value, now());
  return [unusable('tls:clients', last, ': no host is let in by certificate')];
}

function unusable(
  id: string,
  { sentence, hint }: { readonly sentence: string; readonly hint: string },
  consequence: string,
): Problem {
  return { id, severity: 'error', sentence: `${sentence}${consequence}`, hint };
}
