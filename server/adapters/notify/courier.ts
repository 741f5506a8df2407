import { createHmac } from 'node:crypto';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { oneLine } from '../../core/wording.ts';
import type { Attempt } from '../../ports/common.ts';
import type { Courier, Parcel, Sent } from '../../ports/notify.ts';
import { isKeptPrivate, isWebhook } from '../../settings/public-url.ts';
import type { NotifyTarget } from '../../settings/settings.ts';
import { VERSION } from '../../version.ts';
import { readSecret } from '../files/secret-file.ts';
import { masked } from '../known-secrets.ts';
import { readPem } from '../tls/pem.ts';

/** Whatever somebody answers, more of it is not read. */
const ANSWER_LIMIT_BYTES = 64 * 1024;
const LONGEST_RETRY_MS = 3_600_000;
const CA_HINT = 'name a file with the certificate of who signed that of the target';

/** Brings notifications by HTTP. What it takes for that is read anew each time, so that a new secret counts at once. */
export function openCourier(): Courier {
  return {
    async send(target, parcel) {
      const made = requestOf(target, parcel);
      if (!made.ok) return { ok: false, sentence: made.sentence, retryAfterMs: null };
      const sent = await sendOnce(made.value, parcel);
      return sent.ok ? sent : { ...sent, sentence: oneLine(masked(sent.sentence)) };
    },
  };
}

interface Made {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca: readonly string[] | null;
}

function requestOf(target: NotifyTarget, { body, at, delivery }: Parcel): Attempt<Made> {
  const url = urlOf(target);
  if (!url.ok) return url;
  const setting = (key: string) => `notify.targets ${target.name} ${key}`;
  const ca =
    target.ca === null ? null : readPem({ setting: setting('ca'), place: target.ca }, ['CERTIFICATE'], CA_HINT);
  if (ca !== null && !ca.ok) return ca;
  const secret =
    target.secretFile === null ? null : readSecret({ setting: setting('secret_file'), place: target.secretFile });
  if (secret !== null && !secret.ok) return secret;
  const timestamp = String(Math.floor(at / 1000));
  const signature = secret && createHmac('sha256', secret.value.text).update(`${timestamp}.${body}`).digest('hex');
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(body)),
    'User-Agent': `tagwave-server/${VERSION}`,
    'Tagwave-Delivery': delivery,
    'Tagwave-Timestamp': timestamp,
    ...(signature === null ? {} : { 'Tagwave-Signature': `sha256=${signature}` }),
  };
  return { ok: true, value: { url: url.value, headers, ca: ca === null ? null : ca.value.blocks } };
}

function urlOf({ name, place, plainHttp }: NotifyTarget): Attempt<URL> {
  if (place.kind === 'url') return { ok: true, value: new URL(place.url) };
  const setting = `notify.targets ${name} url_file`;
  const read = readSecret({ setting, place: place.file });
  if (!read.ok) return read;
  const text = read.value.text.trim();
  const hint = 'write the URL of the webhook into it, and nothing else';
  if (!isWebhook(text)) return { ok: false, sentence: `${setting}: what is in ${read.value.path} is no URL`, hint };
  if (!plainHttp && !isKeptPrivate(text))
    return { ok: false, sentence: `${setting}: the URL in ${read.value.path} is no https URL`, hint };
  return { ok: true, value: new URL(text) };
}

function sendOnce({ url, headers, ca }: Made, { body, timeoutMs, signal }: Parcel): Promise<Sent> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    let request: ClientRequest | undefined;
    const end = (sent: Sent): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      request?.destroy();
      resolve(sent);
    };
    const fail = (why: string): void => end({ ok: false, sentence: `${url.origin}: ${why}`, retryAfterMs: null });
    const cancel = (): void => fail('nobody waited for the answer');
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
    signal?.addEventListener('abort', cancel, { once: true });
    const options = { method: 'POST', headers, agent: false, ...(ca === null ? {} : { ca: [...ca] }) };
    request = send(url, options, (response) => {
      let length = 0;
      response.on('error', (error) => fail(error.message));
      response.on('data', (piece: Buffer) => {
        length += piece.length;
        // What was said is known by its status.
        if (length > ANSWER_LIMIT_BYTES) end(sentBy(response, url));
      });
      response.on('end', () => end(sentBy(response, url)));
    });
    request.on('error', (error) => fail(error.message || ('code' in error ? String(error.code) : 'no connection')));
    request.end(body);
  });
}

function sentBy({ statusCode: status = 0, headers }: IncomingMessage, url: URL): Sent {
  if (status >= 200 && status < 300) return { ok: true, status };
  const elsewhere = status >= 300 && status < 400 ? ', and nothing is sent where it leads' : '';
  const seconds = Number(headers['retry-after']);
  const retryAfterMs =
    (status === 429 || status === 503) && seconds > 0 ? Math.min(LONGEST_RETRY_MS, seconds * 1000) : null;
  return { ok: false, sentence: `${url.origin} answered ${status}${elsewhere}`, retryAfterMs };
}
