import manifest from '../package.json' with { type: 'json' };

/** Of this server, as its package says. */
export const VERSION: string = manifest.version;
/** What it is, in a sentence. */
export const SUMMARY: string = manifest.description;
/** An SPDX identifier. */
export const LICENSE: string = manifest.license;
