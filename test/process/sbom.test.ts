import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

interface Bill {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly serialNumber: string;
  readonly metadata: { timestamp: string; component: { name: string; version: string } };
  readonly components: readonly { readonly name: string; readonly version: string; readonly purl: string }[];
}

interface Lock {
  readonly packages: Readonly<
    Record<string, { readonly version: string; readonly dev?: boolean; readonly name?: string }>
  >;
}

let once: Promise<string> | undefined;
const made = async () => (await execa('npm', ['run', '--silent', 'sbom'], { cwd: ROOT })).stdout;
/** npm takes its time. */
const first = (): Promise<string> => {
  once ??= made();
  return once;
};
const json = async <Shape>(name: string) => JSON.parse(await readFile(join(ROOT, name), 'utf8')) as Shape;

test('the bill of materials lists each package that is shipped, with its version, and none that only builds or tests', async () => {
  const bill = JSON.parse(await first()) as Bill;
  expect([bill.bomFormat, bill.specVersion]).toEqual(['CycloneDX', expect.stringMatching(/^1\.[5-9]$/)]);
  const { name, version, dependencies } = await json<{ name: string; version: string; dependencies: object }>(
    'package.json',
  );
  expect(bill.metadata.component).toMatchObject({ name, version });
  const { packages } = await json<Lock>('package-lock.json');
  const shipped = Object.entries(packages).flatMap(([path, { version, dev = false }]) =>
    path === '' || dev ? [] : [`${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)}@${version}`],
  );
  const listed = bill.components.map(({ purl }) =>
    decodeURIComponent(purl.replace(/^pkg:npm\//, '').replace(/\?.*/, '')),
  );
  expect([...new Set(listed)].sort()).toEqual([...new Set(shipped)].sort());
  const names = new Set(bill.components.map((component) => component.name));
  for (const wanted of Object.keys(dependencies)) expect(names).toContain(wanted);
  expect(names).not.toContain('vitest');
});

test('the bill of materials is the same each time but for its number and time, and names no place of the machine', async () => {
  const [one, other] = [await first(), await made()];
  const lasting = (text: string) => {
    const bill = JSON.parse(text) as Bill;
    return { ...bill, serialNumber: '', metadata: { ...bill.metadata, timestamp: '' } };
  };
  expect(lasting(one)).toEqual(lasting(other));
  expect(one).not.toContain(ROOT);
  expect(one).not.toMatch(/file:|"\/(home|root|tmp|usr|work)\b/);
});
