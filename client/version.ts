/** Told to servers with every report; the same as in package.json, which a test watches over. */
export const VERSION = '0.1.0';

declare const TAGWAVE_BUILD: string;
/** Different for each build of the client in one file; undefined where it runs from its sources. */
export const BUILD = typeof TAGWAVE_BUILD === 'undefined' ? undefined : TAGWAVE_BUILD;
