import { ROLES, type Role } from '../core/role.ts';
import { quoted } from '../core/wording.ts';
import type { OidcSettings } from '../settings/settings.ts';

export interface KnownPerson {
  /** As the history names them. */
  readonly name: string;
  /** As the provider tells them apart, whatever they are called. */
  readonly subject: string;
  /** Null = none of the groups that may do something here. */
  readonly role: Role | null;
}

const NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._@+()-]{0,63}$/u;
const SUBJECT_SHOWN = 120;

/** Who somebody is by the claims about them; a sentence where they cannot be named. */
export function personBy(claims: Readonly<Record<string, unknown>>, settings: RolesSettings): KnownPerson | string {
  const { preferred_username: username, email, email_verified: isVerified, sub } = claims;
  const name = [username, isVerified === false ? undefined : email, sub].find(isName);
  if (name === undefined)
    return 'the provider names neither a preferred_username nor an email that can be written down';
  return { name, subject: quoted(String(sub).slice(0, SUBJECT_SHOWN)), role: roleBy(claims[settings.claim], settings) };
}

type RolesSettings = Pick<OidcSettings, 'claim' | 'viewers' | 'operators' | 'admins'>;

/** The highest of those that the values of the claim give. */
function roleBy(claim: unknown, { viewers, operators, admins }: RolesSettings): Role | null {
  const has: unknown[] = Array.isArray(claim) ? claim : [claim];
  const giving: Readonly<Record<Role, readonly string[]>> = { viewer: viewers, operator: operators, admin: admins };
  return ROLES.findLast((role) => giving[role].some((value) => has.includes(value))) ?? null;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value);
}
