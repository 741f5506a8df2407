import { type PatchLine, patchLines } from '../patch.ts';

/** A unified patch of one file, line by line. */
export function Diff({ patch, isCut = false }: { readonly patch: string; readonly isCut?: boolean }) {
  return (
    <section class="diff" tabIndex={0} aria-label="Difference">
      <table>
        <tbody>
          {patchLines(patch).map((line, index) => (
            <Line key={index} line={line} />
          ))}
        </tbody>
      </table>
      {isCut ? <p class="quiet">The rest is too long to be shown.</p> : null}
    </section>
  );
}

const SIGNS: Readonly<Record<PatchLine['kind'], string>> = { hunk: '', added: '+', removed: '−', same: '', note: '' };

function Line({ line }: { readonly line: PatchLine }) {
  return (
    <tr class={`diff-${line.kind}`}>
      <td class="diff-number">{line.before}</td>
      <td class="diff-number">{line.after}</td>
      <td class="diff-sign">{SIGNS[line.kind]}</td>
      <td class="diff-text">{line.text}</td>
    </tr>
  );
}
