import type { ObjectId } from '../../../protocol/names.ts';
import { oneLine, quoted } from '../../core/wording.ts';
import type { Attempt } from '../../ports/common.ts';
import type { FetchedTip } from '../../ports/repository.ts';
import { parseCommit } from './commit-object.ts';
import { GitFailed } from './git-failed.ts';
import type { Git } from './run.ts';
import { type Finding, gpgFinding, type Said, type Signature, signatureOf, sshFinding } from './signature.ts';
import { readSigners, type SignaturePolicy, type Signers, type SignersPlace } from './signers.ts';

export interface Verifier {
  /** Who signed a commit, or why no tag may be made of it. `afresh`: by the file of those who may sign as it is now. */
  verify(commit: ObjectId, options?: { readonly afresh?: boolean }): Promise<Attempt<string | null>>;
  /** The newest of these tips (oldest first) that verifies. */
  newest(tips: readonly FetchedTip[]): Promise<FetchedTip | undefined>;
}

export interface Verifying extends SignersPlace {
  readonly git: Git;
  readonly policy: SignaturePolicy;
  /** Why no commit of this source can be signed, or null. */
  readonly unsignable: () => string | null;
}

/** Where nothing is asked for, every commit will do. */
export const trusting: Verifier = {
  verify: async () => ({ ok: true, value: null }),
  newest: async (tips) => tips.at(-1),
};

const SECONDS = 10;
const MOST_KNOWN = 1000;
/** So many different tips are looked at: who has had so many refused has none that is worth serving. */
const LOOK_BACK = 50;
const HINT =
  'Commit what is signed by somebody in repo.allowed_signers, or add who signed it; tags go on with the next hour.';

/** Checks signatures by git, with nobody's configuration but ours. What was found out stands until somebody asks afresh. */
export function openVerifier(verifying: Verifying): Verifier {
  const known = new Map<ObjectId, Attempt<string>>();
  let signers: Attempt<Signers> | undefined;

  const look = async (): Promise<Attempt<Signers>> => {
    const unsignable = verifying.unsignable();
    const now: Attempt<Signers> =
      unsignable === null
        ? await readSigners(verifying.policy, verifying)
        : { ok: false, sentence: unsignable, hint: HINT };
    // Where the file cannot be read now, what was found out by it before stands; nothing new is.
    if (now.ok && signers?.ok && now.value.edition !== signers.value.edition) known.clear();
    if (now.ok || signers?.ok !== true) signers = now;
    return now;
  };

  const judge = async (commit: ObjectId, afresh: boolean): Promise<Judged> => {
    const before = afresh ? undefined : known.get(commit);
    if (before !== undefined) return { decided: true, attempt: before };
    const by = afresh || signers?.ok !== true ? await look() : signers;
    if (!by.ok) return { decided: false, attempt: by };
    const { finding, what } = await examine(verifying, commit, by.value);
    const attempt = attemptOf(finding, what);
    const decided = finding.ok !== 'unknown';
    if (decided) remember(known, commit, attempt);
    return { decided, attempt };
  };

  return {
    verify: async (commit, { afresh = false } = {}) => (await judge(commit, afresh)).attempt,
    async newest(tips) {
      for (const tip of newestFirst(tips)) {
        const { decided, attempt } = await judge(tip.commit, false);
        if (attempt.ok) return tip;
        if (!decided) return undefined;
      }
      return undefined;
    },
  };
}

/** The last mention of each commit. */
function newestFirst(tips: readonly FetchedTip[]): FetchedTip[] {
  const found = new Map<ObjectId, FetchedTip>();
  for (let index = tips.length - 1; index >= 0 && found.size < LOOK_BACK; index--) {
    const tip = tips[index];
    if (tip !== undefined && !found.has(tip.commit)) found.set(tip.commit, tip);
  }
  return [...found.values()];
}

interface Judged {
  /** Not where the means to check are missing: then nothing is known of any commit. */
  readonly decided: boolean;
  readonly attempt: Attempt<string>;
}

function remember(known: Map<ObjectId, Attempt<string>>, commit: ObjectId, attempt: Attempt<string>): void {
  known.delete(commit);
  known.set(commit, attempt);
  const [oldest] = known.keys();
  if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
}

interface Examined {
  readonly finding: Finding;
  readonly what: string;
}

async function examine({ git, policy }: Verifying, commit: ObjectId, signers: Signers): Promise<Examined> {
  const [found] = await git.objects.contents([commit]).catch(() => []);
  if (found?.type !== 'commit' || found.object !== commit)
    return { finding: { ok: 'unknown', why: 'cannot be read' }, what: `the commit ${commit.slice(0, 12)}` };
  const what = nameOf(commit, found.content);
  const signature = signatureOf(found.content);
  if (signature.kind !== policy.kind)
    return { finding: { ok: false, why: WHY_NOT[policy.kind][signature.kind] }, what };
  const said = await ask(git, commit, signers);
  return { finding: signature.kind === 'ssh' ? sshFinding(said, signature.key) : gpgFinding(said), what };
}

const OPENPGP = 'is signed by OpenPGP, and repo.verify asks for ssh';
const SSH = 'is signed by ssh, and repo.verify asks for gpg';
const OTHERS = {
  none: 'is not signed',
  several: 'has more than one signature: nobody can say whose counts',
  other: 'has a signature that is neither one by ssh nor one by OpenPGP',
} as const;
const WHY_NOT: Readonly<Record<SignaturePolicy['kind'], Readonly<Record<Signature['kind'], string>>>> = {
  ssh: { ...OTHERS, ssh: '', gpg: OPENPGP },
  gpg: { ...OTHERS, gpg: '', ssh: SSH },
};

async function ask(git: Git, commit: ObjectId, { options, env }: Signers): Promise<Said> {
  try {
    const { stderr } = await git.plumb([...options, 'verify-commit', '--raw', commit], { env, seconds: SECONDS });
    return { ok: true, text: stderr };
  } catch (error) {
    if (!(error instanceof GitFailed)) throw error;
    return { ok: false, text: error.isLate ? `error: it took longer than ${SECONDS} s` : error.stderr };
  }
}

function nameOf(commit: ObjectId, content: Buffer): string {
  const parsed = parseCommit(commit, content);
  const told = parsed === undefined ? '' : ` (${quoted(parsed.subject)} by ${parsed.author})`;
  return `the commit ${commit.slice(0, 12)}${told}`;
}

function attemptOf(finding: Finding, what: string): Attempt<string> {
  if (finding.ok === true) return { ok: true, value: oneLine(finding.signer) };
  if (finding.ok === false) return { ok: false, sentence: oneLine(`${what} ${finding.why}`), hint: HINT };
  return {
    ok: false,
    sentence: oneLine(`the signature of ${what} cannot be checked: ${finding.why}`),
    hint: 'See to that; no new tag is made until then, and tags already made keep running.',
  };
}
