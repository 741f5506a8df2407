import type { ShownSession } from '../../protocol/api/access.ts';
import type { Failed } from './api.ts';
import { createStore, type Store } from './store.ts';

const TOKEN = 'tagwave-token';
const RETURN_TO = 'tagwave-return-to';

/** Who is signed in; `nobody` also where nobody has to be. */
export type Session =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'nobody'; readonly canLogIn: boolean }
  | { readonly kind: 'person'; readonly person: ShownSession };

export const session: Store<Session> = createStore<Session>({ kind: 'unknown' });

/** Why the server wants to know who asks; null while it is content. */
export const refused: Store<Failed | null> = createStore<Failed | null>(null);

/** Why changes would be refused, as far as that is known before they are tried; null where nothing speaks against them. */
export function whyNoChange(current: Session): string | null {
  if (current.kind !== 'person' || current.person.role !== 'viewer') return null;
  const { name, role } = current.person;
  return `${name} has the role ${role}; changes need operator. Ask somebody who has it.`;
}

/** Kept in this tab alone, and gone with it. */
export function tokenOfTab(): string | null {
  return sessionStorage.getItem(TOKEN);
}

/** Begins anew as who has this token. */
export function signIn(token: string): void {
  sessionStorage.setItem(TOKEN, token.trim());
  location.reload();
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN);
}

export function noteRefused(failed: Failed): void {
  refused.set(failed);
}

/** The part of the URL after # is kept here while somebody logs in, since no server sees it. */
export function rememberPlace(): void {
  sessionStorage.setItem(RETURN_TO, location.hash);
}

/** Once, when the page begins: where somebody was who has logged in since; null where nothing is to be gone back to. */
export function placeBefore(): string | null {
  const hash = sessionStorage.getItem(RETURN_TO);
  sessionStorage.removeItem(RETURN_TO);
  return location.hash.length < 3 ? hash : null;
}
