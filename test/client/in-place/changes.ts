import type { Spec, Specs } from './host-tree.ts';

/** Small numbers from a seed, the same each time. */
export function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** What the next tag has: files added, changed, removed, renamed, turned into directories or links and back, and modes changed. */
export function nextTag(files: Specs, roll: (sides: number) => number): Specs {
  const next: Record<string, Spec> = { ...files };
  for (let change = 0; change < 1 + roll(4); change++) {
    const paths = Object.keys(next);
    const path = paths[roll(paths.length)] ?? 'etc/motd';
    const spec = next[path];
    const text = `content ${roll(1_000_000)}\n`.repeat(roll(3));
    switch (roll(8)) {
      case 0:
        set(next, `${['etc', 'etc/app', 'usr/share'][roll(3)]}/f${roll(12)}`, text);
        break;
      case 1:
        set(next, path, text);
        break;
      case 2:
        delete next[path];
        break;
      case 3:
        delete next[path];
        set(next, `etc/moved${roll(5)}`, spec ?? text);
        break;
      case 4:
        set(next, `${path}/inner/f${roll(3)}`, text);
        break;
      case 5:
        set(next, path.split('/').slice(0, -1).join('/') || path, text);
        break;
      case 6:
        set(next, path, { link: ['../x', 'motd', '/nowhere'][roll(3)] ?? 'x' });
        break;
      default:
        set(next, path, { text, perm: ['0600', '0755', '4755', '0444', '0644'][roll(5)] ?? '0644' });
    }
  }
  return next;
}

/** A path gives way to all that is below it or above it: a view has no file in a file. */
function set(files: Record<string, Spec>, path: string, spec: Spec): void {
  for (const other of Object.keys(files))
    if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) delete files[other];
  files[path] = spec;
}
