export function counted(files: number): string {
  return `${files.toLocaleString('en-US')} files`;
}

export function aim(what: string, met: boolean, found: string): string {
  return `Aim ${met ? 'met' : 'missed'}: ${what}: ${found}`;
}

export function isAim(line: string): boolean {
  return line.startsWith('Aim ');
}

/** A row that is left out, and why. */
export function notMeasured(what: string, why: string): string {
  return `Not measured: ${what}: ${why}`;
}
