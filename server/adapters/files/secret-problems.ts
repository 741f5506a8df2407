import type { Problem } from '../../core/problem.ts';
import type { NotifyTarget, Settings } from '../../settings/settings.ts';
import { readSecret, type SecretPlace } from './secret-file.ts';

/** What is wrong with the files that settings name as secret; of TLS see there, where they are kept up with. */
export function secretProblems(settings: Pick<Settings, 'repo' | 'oidc' | 'notify'>): Problem[] {
  return placesIn(settings).flatMap((place) => {
    const read = readSecret(place);
    if (read.ok) return [...read.value.problems];
    const { sentence, hint } = read;
    return [{ id: `secret:unusable:${place.setting}`, severity: 'error', sentence, hint }];
  });
}

/** Of files that are there, for who looks without being the server: that others may read or write them. */
export function exposedSecrets(settings: Pick<Settings, 'repo' | 'oidc' | 'notify'>): Problem[] {
  return placesIn(settings).flatMap((place) => {
    const read = readSecret(place);
    return read.ok ? [...read.value.problems] : [];
  });
}

function placesIn({ repo, oidc, notify }: Pick<Settings, 'repo' | 'oidc' | 'notify'>): SecretPlace[] {
  const places: Readonly<Record<string, string | null>> = {
    'repo.token_file': repo.access.tokenFile,
    'repo.ssh_key_file': repo.access.sshKeyFile,
    'oidc.client_secret_file': oidc?.clientSecretFile ?? null,
    ...Object.fromEntries(notify.targets.flatMap(placesOf)),
  };
  return Object.entries(places).flatMap(([setting, place]) => (place === null ? [] : [{ setting, place }]));
}

function placesOf({ name, place, secretFile }: NotifyTarget): [string, string | null][] {
  return [
    [`notify.targets ${name} secret_file`, secretFile],
    [`notify.targets ${name} url_file`, place.kind === 'file' ? place.file : null],
  ];
}
