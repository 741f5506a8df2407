import type { Access } from '../route.ts';
import { SESSION_COOKIE } from '../session-cookie.ts';

/** How somebody says who asks. */
export const SECURITY_SCHEMES = {
  token: {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of a person or a program, `twa_…`, as "tagwave-server token create" makes it.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIE,
    description: 'The session of a browser, which begins at `/login`. Over https the name begins with `__Host-`.',
  },
  hostToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'The token of a host, `twn_…`, where `auth.nodes` is `tokens`.',
  },
  hostCertificate: {
    type: 'mutualTLS',
    description: 'The certificate of a host, where `auth.nodes` is `mtls`.',
  },
  joinToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'Lets hosts in that show it, `twj_…`.',
  },
} as const;

type Requirement = Readonly<Partial<Record<keyof typeof SECURITY_SCHEMES, readonly string[]>>>;
const NOTHING: Requirement = {};
const PEOPLE: readonly Requirement[] = [{ token: [] }, { session: [] }];
const HOSTS: readonly Requirement[] = [{ hostToken: [] }, { hostCertificate: [] }, NOTHING];

/** One of these has to be shown. */
export const SECURITY: Readonly<Record<Access, readonly Requirement[]>> = {
  anyone: [],
  login: [...PEOPLE, NOTHING],
  node: HOSTS,
  'own-token': [{ hostToken: [] }],
  view: HOSTS,
  enrol: [{ joinToken: [] }, NOTHING],
  read: [...PEOPLE, NOTHING],
  change: [...PEOPLE, NOTHING],
  admin: PEOPLE,
};

/** Who may ask, in words. */
export const WHO: Readonly<Record<Access, string>> = {
  anyone: 'For everybody.',
  login: 'For browsers, and for whoever wants to know who they are here.',
  node: 'For the host itself. Nothing has to be shown where `auth.nodes` is `none`.',
  'own-token': 'For the host itself, by a token of its own.',
  view: 'For hosts. Nothing has to be shown where `auth.nodes` is `none`.',
  enrol: 'For hosts that want to join.',
  read: 'For viewers. On the machine of the server nothing has to be shown, as `http.local_reads` says.',
  change: 'For operators. On the machine of the server nothing has to be shown, where `http.local_changes` says so.',
  admin: 'For admins.',
};
