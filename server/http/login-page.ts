import type { FailureReply } from './reply.ts';

/** A failure as a page for who comes with a browser: nothing but text, since what is said may come from elsewhere. */
export function failurePage({ title, hint }: FailureReply, loginUrl: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Tagwave: not logged in</title></head>
<body><h1>Not logged in</h1><p>${escaped(title)}.</p>${hint === undefined ? '' : `<p>${escaped(hint)}.</p>`}
<p><a href="${escaped(loginUrl)}">Log in</a></p></body></html>
`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`);
}
