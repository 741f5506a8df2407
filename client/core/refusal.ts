import type { Refusal } from './answer.ts';
import type { Failure } from './failure.ts';
import { idOfToken } from './token.ts';

/** What the host had to show. */
export interface Shown {
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly tls: { readonly cert?: string };
}

/** What a server has against a question, with what to do about it here. Names the token by its id, and shows none of it. */
export function whyRefused({ status, code, message, hint }: Refusal, { token, tokenFile, tls }: Shown): Failure {
  if (status === 401 && token !== undefined) return notBelieved(token, tokenFile);
  if (status === 401) return tls.cert === undefined ? nothingShown(tokenFile) : NO_CERTIFICATE;
  if (code === 'not-approved' && token !== undefined)
    return {
      sentence: `nobody has let this host in yet: its token's id is ${idOfToken(token)}`,
      hint: 'Nothing was changed. Whoever looks after the server compares the id and lets it in; then it goes on by itself.',
    };
  if (code === 'not-your-own')
    return {
      sentence: `the server refuses (${status}): ${message}`,
      hint: 'Nothing was changed. What this host shows is for another name: look at --hostname, --token-file and --cert.',
    };
  return {
    sentence: `the server refuses (${status}): ${message}`,
    hint: hint ?? 'Nothing was changed. Look at the flags, and at what the server allows.',
  };
}

function nothingShown(tokenFile = 'the token file'): Failure {
  return {
    sentence: `the server wants to know who asks, and there is no token in ${tokenFile}`,
    hint: "Nothing was changed. 'tagwave enroll' gets one; cert and key name a certificate, where hosts have those.",
  };
}

const NO_CERTIFICATE: Failure = {
  sentence: "the server does not take this host's certificate, or none from hosts at all",
  hint: 'Nothing was changed. Look at cert, at whose CA the server believes (tls.client_ca), and at its auth.nodes.',
};

function notBelieved(token: string, tokenFile = 'the token file'): Failure {
  return {
    sentence: `the server does not know the token in ${tokenFile}, whose id is ${idOfToken(token)}, or not any more`,
    hint: `Nothing was changed. Ask whoever looks after the server whether it was revoked; 'rm ${tokenFile}', then 'tagwave enroll' gets another one.`,
  };
}
