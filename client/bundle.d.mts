/** Writes the client of this version to a file, with nothing beside it. */
export function bundleClient(outfile: string, version: string): Promise<void>;
