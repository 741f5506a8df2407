import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface Props {
  readonly title: string;
  readonly onClose: () => void;
  /** Stands out as one that stops things. */
  readonly isGrave?: boolean;
  readonly children: ComponentChildren;
}

const FIRST = ['input[type=radio]:checked', 'input, textarea, select', 'button'];

/** What somebody most likely wants to use first; the cross comes last. */
function first(dialog: HTMLElement | null): HTMLElement | undefined {
  const found = FIRST.map((kind) => dialog?.querySelector<HTMLElement>(`.dialog-body :is(${kind})`));
  return found.find((element) => element instanceof HTMLElement) ?? undefined;
}

/** A modal dialog: Escape and the cross close it, and what had the focus before has it again. */
export function Dialog({ title, onClose, isGrave = false, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    shown?.showModal();
    first(shown)?.focus();
    return () => {
      // As long as it is open, nothing else takes the focus.
      shown?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={isGrave ? 'dialog dialog-grave' : 'dialog'}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <header class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="plain close" aria-label="Close" onClick={onClose}>
          <span aria-hidden="true">×</span>
        </button>
      </header>
      <div class="dialog-body">{children}</div>
    </dialog>
  );
}
