import type { Told } from '../ports/store.ts';

/** How many nodes were told what: there are few different answers, however many nodes. */
export function countsByTold() {
  const counts = new Map<Told, number>();
  return {
    move(from: Told | null, to: Told | null): void {
      if (from !== null) {
        const left = (counts.get(from) ?? 0) - 1;
        if (left > 0) counts.set(from, left);
        else counts.delete(from);
      }
      if (to !== null) counts.set(to, (counts.get(to) ?? 0) + 1);
    },
    count(isMeant: (told: Told) => boolean): number {
      let all = 0;
      for (const [told, nodes] of counts) if (isMeant(told)) all += nodes;
      return all;
    },
  };
}
