import { type Hostname, parseHostname } from '../../protocol/names.ts';

/** What Node says of a certificate's subject: one attribute a line, and its other names where there are any. */
export interface NamedSubject {
  readonly subject: string;
  readonly subjectAltName: string | undefined;
}

/** More names than any host has would not fit into a header, either. */
const MOST_NAMES = 100;
/** A kind and a value, which Node puts into quotes where it holds anything that could be taken for the end of it. */
const NAME = /([A-Za-z][A-Za-z ]*):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/**
 * The host names that a certificate speaks for: the DNS names of its subjectAltName, or where it has no subjectAltName at all,
 * its common name. A wildcard is the name of no host. None at all where anything about the names is unclear.
 */
export function hostnamesOf({ subject, subjectAltName }: NamedSubject): readonly Hostname[] {
  const names = subjectAltName === undefined ? commonNames(subject) : dnsNames(subjectAltName);
  const hostnames = new Set(names.flatMap((name) => parseHostname(name) ?? []));
  return hostnames.size > MOST_NAMES ? [] : [...hostnames];
}

function dnsNames(text: string): string[] {
  const names: string[] = [];
  NAME.lastIndex = 0;
  while (NAME.lastIndex < text.length) {
    const [, kind, value] = NAME.exec(text) ?? [];
    if (kind === undefined || value === undefined) return [];
    if (kind === 'DNS') names.push(value);
  }
  return names;
}

/** Of several it would be unclear which one is meant. */
function commonNames(subject: string): string[] {
  const lines = subject.split('\n').filter((line) => /(?:^|[\s+])CN\s*=/.test(line));
  return lines.length === 1 && lines[0]?.startsWith('CN=') ? [lines[0].slice(3)] : [];
}
