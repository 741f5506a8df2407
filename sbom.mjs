// Prints which packages are in a released Tagwave (npm run --silent sbom > sbom.json, or: npm run sbom -- FILE). npm makes the
// list, from the lockfile alone; it calls the product by the directory that it lies in, which says nothing to anybody else.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const { name } = JSON.parse(readFileSync('package.json', 'utf8'));
const wanted = ['--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
const made = execFileSync('npm', ['sbom', ...wanted], {
  encoding: 'utf8',
  maxBuffer: 2 ** 28,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const bill = JSON.parse(made);
bill.metadata.component.name = name;
// Not by --omit=dev, which also leaves out what is shipped as soon as a tool has use for it, too.
const isShipped = ({ properties }) => !properties.some(({ name }) => name === 'cdx:npm:package:development');
bill.components = bill.components.filter(isShipped);
const shipped = new Set([bill.metadata.component, ...bill.components].map((component) => component['bom-ref']));
bill.dependencies = bill.dependencies
  .filter(({ ref }) => shipped.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => shipped.has(other)) }));
const text = `${JSON.stringify(bill, null, 2)}\n`;
const [file] = process.argv.slice(2);
if (file === undefined) process.stdout.write(text);
else writeFileSync(file, text);
