/** Keeps what was used lately, up to a total weight. */
export interface Recent<Value> {
  get(key: string): Value | undefined;
  set(key: string, value: Value, weight?: number): void;
  delete(key: string): void;
  /** The last used last, more or less. */
  values(): Value[];
}

interface Kept<Value> {
  readonly value: Value;
  readonly weight: number;
}

/**
 * In two generations: what nobody asked for while the younger one grew to half of the limit is forgotten. Keeping an exact
 * order would cost more than most of what is kept here.
 */
export function recentOnes<Value>(limit: number): Recent<Value> {
  let young = new Map<string, Kept<Value>>();
  let old = new Map<string, Kept<Value>>();
  let weighs = 0;

  function add(key: string, kept: Kept<Value>): void {
    weighs += kept.weight - (young.get(key)?.weight ?? 0);
    young.set(key, kept);
    if (weighs <= limit / 2) return;
    old = young;
    young = new Map();
    weighs = 0;
  }

  return {
    get(key) {
      const found = young.get(key);
      if (found !== undefined) return found.value;
      const older = old.get(key);
      if (older === undefined) return undefined;
      old.delete(key);
      add(key, older);
      return older.value;
    },
    set: (key, value, weight = 1) => add(key, { value, weight }),
    delete(key) {
      old.delete(key);
      weighs -= young.get(key)?.weight ?? 0;
      young.delete(key);
    },
    values: () => [...old.values(), ...young.values()].map(({ value }) => value),
  };
}
