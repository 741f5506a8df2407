import type { StateFiles } from '../ports/files.ts';

/** Writes what is in effect to the state directory, in time and, where that fails, as soon as it can be written again. */
export interface Saver {
  save(name: string, text: string): void;
  /** Tries again what could not be written, about once a second. */
  retry(): void;
}

/** Looks come every 25 ms. */
const LOOKS_BETWEEN_RETRIES = 40;

/** `onTrouble` is called with the reason when something cannot be written, and with null when all is. */
export function openSaver(state: StateFiles, onTrouble: (reason: string | null) => void): Saver {
  const unsaved = new Map<string, string>();
  let looks = 0;
  const save = (name: string, text: string): void => {
    const troubled = unsaved.size > 0;
    try {
      state.write(name, text);
      unsaved.delete(name);
      if (troubled && unsaved.size === 0) onTrouble(null);
    } catch (error) {
      unsaved.set(name, text);
      if (!troubled) onTrouble(error instanceof Error ? error.message : String(error));
    }
  };
  return {
    save,
    retry() {
      if (unsaved.size === 0 || ++looks % LOOKS_BETWEEN_RETRIES !== 0) return;
      for (const [name, text] of [...unsaved]) save(name, text);
    },
  };
}
