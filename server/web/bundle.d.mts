/** Writes the page, index.html and assets/, into a directory. */
export function bundlePage(outdir: string): Promise<void>;
