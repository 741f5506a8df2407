import { useState } from 'preact/hooks';
import type { Failed } from './api.ts';
import { Failure } from './parts/states.tsx';
import { forgetToken, rememberPlace, session, signIn, tokenOfTab } from './session.ts';
import { useStore } from './store.ts';

/** For who has shown nothing that counts. */
export function SignIn({ failure }: { readonly failure: Failed }) {
  const [token, setToken] = useState('');
  const current = useStore(session);
  const canLogIn = current.kind === 'nobody' && current.canLogIn;
  const hadToken = tokenOfTab() !== null;
  return (
    <section class="sign-in card stack">
      <h1>Sign in</h1>
      {failure.code === 'unauthenticated' ? (
        <p>
          {hadToken
            ? 'The token of this tab counts no more, or never did.'
            : 'Tagwave shows the fleet to those who are known here.'}
        </p>
      ) : (
        <Failure failure={failure} />
      )}
      {canLogIn ? (
        <p>
          <a class="button main" href="login?to=%2F" onClick={rememberPlace}>
            Log in
          </a>
        </p>
      ) : null}
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim() !== '') signIn(token);
        }}
      >
        <label class="field">
          {canLogIn ? 'Or with a token' : 'With a token'}
          <input
            type="password"
            name="token"
            autocomplete="off"
            spellcheck={false}
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <p class="quiet">
          Made by <code>tagwave-server token create</code>. Kept in this tab alone, and forgotten when it is closed.
        </p>
        <span class="row">
          <button type="submit" disabled={token.trim() === ''}>
            Use the token
          </button>
          {hadToken ? (
            <button
              type="button"
              class="plain"
              onClick={() => {
                forgetToken();
                location.reload();
              }}
            >
              Forget the old one
            </button>
          ) : null}
        </span>
      </form>
    </section>
  );
}
