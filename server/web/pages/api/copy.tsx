import { useState } from 'preact/hooks';

/** A line for the shell, to be taken along. */
export function CopyLine({ line }: { readonly line: string }) {
  const [said, say] = useState('');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(line);
      say('copied');
    } catch {
      say('could not be copied: choose the text');
    }
  };
  return (
    <div class="copy-line">
      <pre>{line}</pre>
      <button type="button" onClick={() => void copy()}>
        Copy
      </button>
      <span class="quiet" role="status">
        {said}
      </span>
    </div>
  );
}
