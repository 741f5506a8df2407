/** A URL as hosts may be given it: no credentials, query or fragment, and nothing that a shell would take apart. */
export function isPublicUrl(text: string): boolean {
  if (!/^https?:\/\/[\w.:[\]/~%+,@-]+$/i.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}
