/** Keeps what was used lately, up to a total weight: the least recently used goes first. */
export interface Recent<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value, weight?: number): void;
  values(): Value[];
}

export function recentOnes<Value>(limit: number): Recent<Value> {
  const kept = new Map<string, { readonly value: Value; readonly weight: number }>();
  let total = 0;
  const remove = (key: string): void => {
    total -= kept.get(key)?.weight ?? 0;
    kept.delete(key);
  };
  return {
    get(key) {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      kept.delete(key);
      kept.set(key, found);
      return found.value;
    },
    set(key, value, weight = 1) {
      remove(key);
      kept.set(key, { value, weight });
      total += weight;
      // Never the one that was just set, however heavy.
      for (const oldest of kept.keys()) {
        if (total <= limit || oldest === key) break;
        remove(oldest);
      }
    },
    /** The last used last. */
    values: () => [...kept.values()].map(({ value }) => value),
  };
}
