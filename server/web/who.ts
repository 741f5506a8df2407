import type { ShownSession } from '../../protocol/api/access.ts';
import { ask, authorization } from './api.ts';
import { forgetToken, session, tokenOfTab } from './session.ts';

/** Finds out who is signed in, and else whether this server lets people log in. */
export async function findOut(): Promise<void> {
  try {
    const response = await fetch('v1/session', { headers: { Accept: 'application/json', ...authorization() } });
    if (response.ok) session.set({ kind: 'person', person: (await response.json()) as ShownSession });
    else session.set({ kind: 'nobody', canLogIn: response.headers.get('Link')?.includes('rel="login"') === true });
  } catch {
    // Whoever may not do something is told when they try.
  }
}

/** Forgets the token of this tab, and ends a session that the browser has. */
export async function signOut(): Promise<void> {
  if (tokenOfTab() === null) await ask('logout', { method: 'POST', isAboutMe: true });
  forgetToken();
  location.reload();
}
