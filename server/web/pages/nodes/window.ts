import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { type RowRange, rowsInView } from './rows-in-view.ts';

export interface Drawn extends RowRange {
  /** In pixels. */
  readonly rowHeight: number;
}

/** Which rows of a table to draw while the page scrolls. `--row-height` of the table (rem) is how high each is. */
export function useRowsInView(body: RefObject<HTMLElement | null>, count: number): Drawn {
  const [drawn, setDrawn] = useState<Drawn>(() => ({ from: 0, to: Math.min(count, 60), rowHeight: 34 }));
  useEffect(() => {
    const look = (): void => {
      if (body.current === null) return;
      const next = inView(body.current, count);
      setDrawn((before) => (isSame(before, next) ? before : next));
    };
    look();
    addEventListener('scroll', look, { passive: true });
    addEventListener('resize', look);
    return () => {
      removeEventListener('scroll', look);
      removeEventListener('resize', look);
    };
  }, [body, count]);
  return { ...drawn, from: Math.min(drawn.from, count), to: Math.min(drawn.to, count) };
}

function inView(body: HTMLElement, count: number): Drawn {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const rowHeight = Math.round(Number.parseFloat(getComputedStyle(body).getPropertyValue('--row-rem')) * rem) || 34;
  const above = -body.getBoundingClientRect().top;
  return { ...rowsInView(count, { above, height: innerHeight, rowHeight }), rowHeight };
}

function isSame(one: Drawn, other: Drawn): boolean {
  return one.from === other.from && one.to === other.to && one.rowHeight === other.rowHeight;
}
