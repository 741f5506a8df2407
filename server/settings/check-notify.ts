import { isKeptPrivate } from './public-url.ts';
import type { SettingValues } from './schema.ts';

/** What is wrong with the targets of notifications, each as what was expected and what was found. */
export function checkTargets(targets: SettingValues['notify.targets']): [expected: string, found: string][] {
  const names = targets.map(({ name }) => name);
  return targets.flatMap(({ name, url, url_file: file, plain_http: plain }, index): [string, string][] => {
    const wrong: [string, string][] = [];
    if (names.indexOf(name) !== index) wrong.push(['targets with names that differ', `two called ${name}`]);
    if ((url === undefined) === (file === undefined))
      wrong.push([`either url or url_file for ${name}`, url === undefined ? 'neither' : 'both']);
    if (url !== undefined && !plain && !isKeptPrivate(url))
      wrong.push([`an https URL for ${name}, or plain_http: true beside it, since others can read along`, 'http']);
    return wrong;
  });
}
