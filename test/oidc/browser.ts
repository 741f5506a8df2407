import { type Answer, type Asking, ask } from '../http/serving.ts';

interface Kept {
  readonly value: string;
  readonly path: string;
  readonly isSecure: boolean;
}

export interface Browser {
  /** Opens a URL, follows redirects, and answers the last page with its URL. */
  open(url: string, asking?: Asking): Promise<Page>;
  /** Asks once, with the cookies that go there. */
  send(url: string, asking?: Asking): Promise<Answer>;
  /** Opens `url`, and goes through the provider's pages as somebody who types this login. */
  logIn(url: string, login: string): Promise<Page>;
  /** As `logIn`, up to the URL to which the provider sends the browser back, which is not opened. */
  logInUntilBack(url: string, login: string): Promise<string>;
  /** The cookies of an origin by name. */
  cookies(origin: string): ReadonlyMap<string, Kept>;
}

export interface Page extends Answer {
  readonly url: string;
}

export interface BrowserOptions {
  /** Where an origin is reached in truth, and what a proxy there adds to each request. */
  readonly routes?: Readonly<Record<string, Route>>;
}

export interface Route {
  readonly to: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** How it is asked, if not by plain HTTP. */
  readonly ask?: typeof ask;
}

const MOST_REDIRECTS = 20;
const ACCEPT = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

/** As much of a browser as logging in takes. */
export function browser({ routes = {} }: BrowserOptions = {}): Browser {
  const jars = new Map<string, Map<string, Kept>>();
  const jarOf = (origin: string): Map<string, Kept> => {
    const jar = jars.get(origin) ?? new Map<string, Kept>();
    jars.set(origin, jar);
    return jar;
  };

  const send = async (url: string, asking: Asking = {}): Promise<Answer> => {
    const { origin, host, protocol, pathname, search } = new URL(url);
    const jar = jarOf(origin);
    const route: Route = routes[origin] ?? { to: origin };
    const cookie = [...jar]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`);
    const headers = {
      Host: host,
      Accept: ACCEPT,
      ...(cookie.length > 0 && { Cookie: cookie.join('; ') }),
      ...route.headers,
      ...asking.headers,
    };
    const answer = await (route.ask ?? ask)(route.to, pathname + search, { ...asking, headers });
    for (const line of answer.headers['set-cookie'] ?? []) keep(jar, line, protocol === 'https:');
    return answer;
  };

  const follow = async (url: string, asking: Asking, mayOpen: (url: string) => boolean): Promise<Page> => {
    let at = url;
    let answer = await send(at, asking);
    for (let count = 0; count < MOST_REDIRECTS; count += 1) {
      const { location } = answer.headers;
      if (location === undefined) return { ...answer, url: at };
      at = new URL(location, at).href;
      if (!mayOpen(at)) return { ...answer, url: at };
      answer = await send(at);
    }
    throw new Error(`the redirects of ${url} do not end`);
  };

  const through = async (url: string, login: string, mayOpen: (url: string) => boolean): Promise<Page> => {
    let page = await follow(url, {}, mayOpen);
    for (let form = formOf(page); form !== undefined; form = formOf(page)) {
      const fields = new URLSearchParams({ prompt: form.prompt, login, password: 'any' });
      const asking = {
        method: 'POST',
        body: fields.toString(),
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: new URL(page.url).origin },
      };
      page = await follow(new URL(form.action, page.url).href, asking, mayOpen);
    }
    return page;
  };

  return {
    send,
    open: (url, asking = {}) => follow(url, asking, () => true),
    logIn: (url, login) => through(url, login, () => true),
    logInUntilBack: async (url, login) => (await through(url, login, (at) => !at.includes('/login/callback'))).url,
    cookies: jarOf,
  };
}

/** What browsers keep, and what they refuse. */
function keep(jar: Map<string, Kept>, line: string, isEncrypted: boolean): void {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
  const [name = '', ...value] = pair.split('=');
  const said = new Map(attributes.map((part) => [part.split('=')[0]?.toLowerCase(), part.split('=')[1] ?? '']));
  const isSecure = said.has('secure');
  if (isSecure && !isEncrypted) return;
  if (name.startsWith('__Host-') && (!isSecure || said.get('path') !== '/' || said.has('domain'))) return;
  const isGone = said.get('max-age') === '0' || Date.parse(said.get('expires') ?? '9999-01-01') <= Date.now();
  if (isGone) jar.delete(name);
  else jar.set(name, { value: value.join('='), path: said.get('path') ?? '/', isSecure });
}

function formOf({ status, text }: Page): { readonly action: string; readonly prompt: string } | undefined {
  const action = /<form[^>]* action="([^"]+)"/.exec(text)?.[1];
  const prompt = /name="prompt" value="(\w+)"/.exec(text)?.[1];
  return status === 200 && action !== undefined && prompt !== undefined ? { action, prompt } : undefined;
}
