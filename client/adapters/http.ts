import type { IncomingHttpHeaders, IncomingMessage, request as Request } from 'node:http';
import type { Readable } from 'node:stream';
import type { TlsTexts } from './identity.ts';

export interface HttpRequest {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** How long a server may be silent; connecting may take no longer than 10 s of it. */
  readonly silenceMs: number;
  /** How long everything may take, the body included. */
  readonly totalMs: number;
  readonly signal: AbortSignal;
  /** Whom to believe, and what to show, where it is https. */
  readonly tls?: TlsTexts;
}

export type Opened =
  | {
      readonly kind: 'response';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: Readable;
    }
  /** No connection, cut off, or too slow. */
  | { readonly kind: 'lost'; readonly why: string }
  /** What answers does not speak HTTP. */
  | { readonly kind: 'garbled'; readonly why: string };

const CONNECT_LIMIT_MS = 10_000;
/** A name with IPv6 and IPv4 addresses is tried with both, which Node 18 doesn't do by itself; each gets time for a slow line. */
const FAMILIES = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 2_000 } as const;

/** The connection was lost or took too long: another server may do better. Reading a body throws this too. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
}

/** Asks, and answers as soon as the status is there; the time limits go on over the body. Never rejects. */
export async function open(request: HttpRequest): Promise<Opened> {
  // Only what is used: Node takes longer to load TLS than to ask without it.
  const { request: send } = request.url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  try {
    return await openWith(send, request);
  } catch (error) {
    // Node looks at certificates and keys before it connects.
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!code.startsWith('ERR_OSSL') && !code.startsWith('ERR_SSL')) throw error;
    return { kind: 'lost', why: `the files of ca, cert and key cannot be used: ${message}` };
  }
}

function openWith(send: typeof Request, request: HttpRequest): Promise<Opened> {
  return new Promise((resolve) => {
    const { url, method, headers, body, signal, silenceMs, totalMs, tls } = request;
    const outgoing = send(url, {
      ...FAMILIES,
      method,
      headers: { ...headers, Connection: 'close' },
      agent: false,
      signal,
      // Said here, as there is a variable that turns it off.
      ...(url.protocol === 'https:' ? { ...tls, rejectUnauthorized: true } : {}),
    });
    let response: IncomingMessage | undefined;
    const giveUp = (why: string): void => {
      (response ?? outgoing).destroy(new ConnectionLost(why));
    };
    const connectMs = Math.min(silenceMs, CONNECT_LIMIT_MS);
    const connecting = setTimeout(() => giveUp(`no connection within ${seconds(connectMs)}`), connectMs);
    const total = setTimeout(() => giveUp(`not done within ${seconds(totalMs)}`), totalMs);
    outgoing.setTimeout(silenceMs, () => giveUp(`silent for ${seconds(silenceMs)}`));
    outgoing.once('socket', (socket) => {
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(connecting));
    });
    outgoing.once('close', () => {
      clearTimeout(connecting);
      clearTimeout(total);
    });
    outgoing.once('response', (incoming) => {
      response = incoming;
      // Whoever reads the body is told as well; between two readers nobody listens.
      incoming.on('error', () => undefined);
      resolve({ kind: 'response', status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming });
    });
    outgoing.on('error', (error) => resolve(classify(error)));
    outgoing.end(body);
  });
}

/** Reads a whole body of at most `limit` bytes; undefined when there is more. Throws `ConnectionLost` when it is cut off. */
export async function readBody(body: Readable, limit: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) return undefined;
      chunks.push(chunk);
    }
  } catch (error) {
    throw asLoss(error);
  } finally {
    body.destroy();
  }
  return Buffer.concat(chunks);
}

/** What came of a body that broke off and was not read before: Node ends the reading at once. */
export function leftIn(body: Readable): Buffer {
  const left: Buffer[] = [];
  for (let bytes = body.read() as Buffer | null; bytes !== null; bytes = body.read() as Buffer | null) left.push(bytes);
  return Buffer.concat(left);
}

/** A lost connection as such, whatever Node calls it; anything else as it is. */
export function asLoss(error: unknown): unknown {
  if (error instanceof ConnectionLost || !(error instanceof Error)) return error;
  const why = LOSSES[(error as NodeJS.ErrnoException).code ?? ''];
  return why === undefined ? error : new ConnectionLost(why);
}

const STRANGER = 'nobody whom this host believes has signed its certificate; ca names the file of your CA';

const LOSSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was cut off',
  EPIPE: 'the connection was cut off',
  ETIMEDOUT: 'no connection in time',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no network leads to it',
  ENOTFOUND: 'its name is unknown',
  EAI_AGAIN: 'its name cannot be looked up just now',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: STRANGER,
  UNABLE_TO_GET_ISSUER_CERT: STRANGER,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: STRANGER,
  SELF_SIGNED_CERT_IN_CHAIN: STRANGER,
  DEPTH_ZERO_SELF_SIGNED_CERT: STRANGER,
  CERT_SIGNATURE_FAILURE: STRANGER,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet; is the clock of this host right?',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

function classify(error: Error): Opened {
  const loss = asLoss(error);
  if (loss instanceof ConnectionLost) return { kind: 'lost', why: loss.message };
  const { code } = error as NodeJS.ErrnoException;
  if (code?.startsWith('HPE_')) return { kind: 'garbled', why: 'what answers there does not speak HTTP' };
  return { kind: 'lost', why: code === undefined ? error.message : `${error.message} (${code})` };
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
