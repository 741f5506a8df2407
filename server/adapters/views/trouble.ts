const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space there; it is tried again with the next request.',
  EDQUOT: 'Raise the quota or free some space there; it is tried again with the next request.',
  EROFS: 'Mount it writable; it is tried again with the next request.',
  EACCES: "Give it back to the server's user; it is tried again with the next request.",
  EPERM: "Give it back to the server's user; it is tried again with the next request.",
};

/** An error of the file system becomes a sentence with what to do next; every other one stays what it is. */
export async function explained<Result>(what: string, root: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && 'syscall' in error)) throw error;
    const hint = HINTS[String(error.code)] ?? 'Look at the disk; it is tried again with the next request.';
    throw new Error(`${what} in ${root}: ${error.message}. ${hint}`, { cause: error });
  }
}
