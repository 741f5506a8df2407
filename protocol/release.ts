import * as z from 'zod/mini';

/** Where a server hands out the client, and the list that says which build it has. */
export const CLIENT_PATHS = { list: '/client/release.json', build: '/client/tagwave.cjs' } as const;

/** What a build begins with, after the line for the kernel; whatever lacks it is no single-file client. */
const BUILD = /^#![^\n]*\n\/\/ tagwave (\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?): the client in one file\n/;

/** The version of a client in one file by its first bytes; undefined for any other file. */
export function versionOfBuild(beginning: string): string | undefined {
  return BUILD.exec(beginning)?.[1];
}

/** The client that a server has to give. */
export const clientReleaseSchema = z.object({
  version: z.string().check(z.regex(/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/), z.maxLength(64)),
  /** Of the file. */
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  /** Bytes. */
  size: z.int().check(z.positive(), z.maximum(64 * 1024 * 1024)),
  /** Which versions of Node it runs with. */
  node: z.string(),
});

export type ClientRelease = z.infer<typeof clientReleaseSchema>;
