import { session } from './session.ts';
import { useStore } from './store.ts';
import { signOut } from './who.ts';

/** Who is signed in, and as what. */
export function Who() {
  const current = useStore(session);
  if (current.kind !== 'person') return null;
  const { name, role } = current.person;
  return (
    <span class="who">
      <span class="clip">{name}</span> <span class="quiet">{role}</span>
      <button type="button" class="plain" onClick={() => void signOut()}>
        Sign out
      </button>
    </span>
  );
}
