/** Told by metrics and to pages; the same as in package.json, which a test watches over. */
export const VERSION = '0.1.0';
