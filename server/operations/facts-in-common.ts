const MOST_FACTS = 1_000;

/** Of facts that many nodes have in common, one copy. */
export function factsInCommon(): (facts: Readonly<Record<string, string>>) => Readonly<Record<string, string>> {
  const known = new Map<string, Readonly<Record<string, string>>>();
  return (facts) => {
    const key = JSON.stringify(facts);
    const same = known.get(key);
    if (same !== undefined) return same;
    if (known.size >= MOST_FACTS) known.clear();
    known.set(key, facts);
    return facts;
  };
}
