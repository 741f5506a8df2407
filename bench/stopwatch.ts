/** Runs from when it is made. */
export function stopwatch(): { ms(): number } {
  const began = performance.now();
  return { ms: () => performance.now() - began };
}
