import { KillDialog } from './kill/kill-dialog.tsx';
import { ResumeDialog } from './kill/resume-dialog.tsx';
import { MarkDialog } from './mark/mark-dialog.tsx';
import { NO_ORDER, orderIn } from './mark/order.ts';
import { becomeWith } from './place.ts';
import type { Place } from './router.ts';

/** What the query opens, on whatever page. */
export function Dialogs({ place: { query } }: { readonly place: Place }) {
  const { kill, resume, mark } = query;
  if (kill !== undefined) return <KillDialog scope={kill} onClose={() => becomeWith({ kill: undefined })} />;
  if (resume !== undefined) return <ResumeDialog scope={resume} onClose={() => becomeWith({ resume: undefined })} />;
  if (mark !== undefined) return <MarkDialog order={orderIn(query)} onClose={() => becomeWith(NO_ORDER)} />;
  return null;
}
