import * as fc from 'fast-check';

/** What a file can hold: any bytes, read as UTF-8. */
export const anyText = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString());
