import { type ErrorCode, STATUS_OF } from '../../../protocol/errors.ts';
import { namesIn, type ParameterName } from '../parameters.ts';
import type { Access, Route } from '../route.ts';

const WHOEVER: readonly ErrorCode[] = [
  'unauthenticated',
  'forbidden',
  'insecure-transport',
  'rate-limited',
  'starting',
  'state-unavailable',
];
const HOSTS: readonly ErrorCode[] = [...WHOEVER, 'not-your-own', 'not-approved'];
const CHANGES: readonly ErrorCode[] = ['foreign-origin', 'unsupported-media-type'];

/** What may be wrong before a route has its say. */
const BY_ACCESS: Readonly<Record<Access, readonly ErrorCode[]>> = {
  anyone: [],
  login: [],
  node: HOSTS,
  'own-token': [...HOSTS, 'enrolment-refused'],
  view: HOSTS,
  enrol: ['enrolment-refused', 'insecure-transport', 'rate-limited', 'starting', 'state-unavailable'],
  read: [...WHOEVER, 'reads-off'],
  change: [...WHOEVER, 'changes-off', ...CHANGES],
  admin: WHOEVER,
};

const BY_PARAMETER: Readonly<Partial<Record<ParameterName, ErrorCode>>> = {
  hostname: 'bad-hostname',
  tag: 'bad-tag',
  digest: 'bad-digest',
};

/** Every code that a route may answer, by its status: in the order of the list. What may befall any request is not among them. */
export function failuresOf({ method, path, access, description }: Route): ReadonlyMap<number, readonly ErrorCode[]> {
  const { query, body, failures = [] } = description;
  const codes = new Set<ErrorCode>([
    ...BY_ACCESS[access],
    ...(access === 'admin' && method !== 'GET' ? CHANGES : []),
    ...namesIn(path).flatMap((name) => BY_PARAMETER[name] ?? []),
    ...(query === undefined ? [] : (['bad-request'] as const)),
    ...(body === undefined ? [] : (['bad-request', 'unsupported-media-type', 'body-too-large'] as const)),
    ...failures,
  ]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) byStatus.set(STATUS_OF[code], [...(byStatus.get(STATUS_OF[code]) ?? []), code]);
  return byStatus;
}
