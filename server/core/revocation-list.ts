/** What has to be known of a list of revoked certificates beside what OpenSSL makes of it. */
export interface RevocationList {
  /** Who made it, as its certificate calls it: bytes in hex. */
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly from: number;
  /** From then on it says nothing any more; never where it does not say when. */
  readonly until: number;
}

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;

/** A value of DER: what kind it is, and where it lies. */
interface Value {
  readonly tag: number;
  /** With its head. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** Reads the beginning of a list in DER. Undefined where it is none. Whether it is signed by whom it says is for OpenSSL to tell. */
export function readRevocationList(der: Uint8Array): RevocationList | undefined {
  const [version, ...rest] = valuesIn(valuesIn(valuesIn(der)[0])[0]);
  const [algorithm, issuer, from, until] = version?.tag === INTEGER ? rest : [version, ...rest];
  const begins = instantOf(from);
  if (algorithm?.tag !== SEQUENCE || issuer?.tag !== SEQUENCE || begins === undefined) return undefined;
  return { issuer: hex(issuer), from: begins, until: instantOf(until) ?? Number.POSITIVE_INFINITY };
}

/** The subject of a certificate in DER, as lists name their issuer; undefined where that is no certificate. */
export function readSubject(der: Uint8Array): string | undefined {
  const values = valuesIn(valuesIn(valuesIn(der)[0])[0]);
  // Only a certificate of version 1 does not say its version.
  const [_serial, _algorithm, _issuer, _validity, subject] = values[0]?.tag === INTEGER ? values : values.slice(1);
  return subject?.tag === SEQUENCE ? hex(subject) : undefined;
}

/** The values that follow each other in a sequence; none where it is none, or cut off. */
function valuesIn(inside: Value | Uint8Array | undefined): Value[] {
  if (inside === undefined || (!(inside instanceof Uint8Array) && inside.tag !== SEQUENCE)) return [];
  const values: Value[] = [];
  let rest = inside instanceof Uint8Array ? inside : inside.content;
  while (rest.length > 0) {
    const value = valueAt(rest);
    if (value === undefined) return [];
    values.push(value);
    rest = rest.subarray(value.whole.length);
  }
  return values;
}

function valueAt(bytes: Uint8Array): Value | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) return undefined;
  const more = first < 0x80 ? 0 : first & 0x7f;
  if (more > 4 || first === 0x80) return undefined;
  let length = more === 0 ? first : 0;
  for (const byte of bytes.subarray(2, 2 + more)) length = length * 256 + byte;
  const end = 2 + more + length;
  if (end > bytes.length) return undefined;
  return { tag, whole: bytes.subarray(0, end), content: bytes.subarray(2 + more, end) };
}

function instantOf(value: Value | undefined): number | undefined {
  if (value?.tag !== UTC_TIME && value?.tag !== GENERALIZED_TIME) return undefined;
  const digits = value.tag === UTC_TIME ? 2 : 4;
  const text = String.fromCharCode(...value.content.subarray(0, 20));
  const match = new RegExp(`^(\\d{${digits}})(\\d\\d)(\\d\\d)(\\d\\d)(\\d\\d)(\\d\\d)Z$`).exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, ...rest] = match.slice(1).map(Number);
  // Two digits: 1950 to 2049.
  const century = digits === 4 ? 0 : year < 50 ? 2000 : 1900;
  const [day, hour, minute, second] = rest;
  return Date.UTC(century + year, month - 1, day, hour, minute, second);
}

function hex({ whole }: Value): string {
  return Array.from(whole, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
