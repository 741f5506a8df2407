// A process of its own that uses the credentials of a state directory: `child.ts VERB STATE_DIR [NAME]`.

import { openCredentials } from '../../server/adapters/credentials/credentials.ts';
import { enrol } from '../../server/core/enrolment.ts';
import type { TokenId } from '../../server/core/token.ts';
import { digest, host, NOW, newToken } from './samples.ts';

const [verb = '', stateDir = '', name = ''] = process.argv.slice(2);
const credentials = openCredentials({ stateDir, isThorough: false });
const rules = { joining: 'first-use', mostNames: 100_000 } as const;

function join(hostname: string, token: string) {
  const request = { hostname: host(hostname), digest: digest(token), at: NOW, from: null, showedOther: false };
  return credentials.change((kept) => enrol(kept, request, rules));
}

const verbs: Record<string, () => Promise<unknown>> = {
  /** Lets in host after host, several at once, and names each when it is in, until it is killed. */
  async 'join-many'() {
    for (let count = 0; ; count += 8)
      await Promise.all(
        Array.from({ length: 8 }, async (_, index) => {
          const token = newToken();
          const joined = await join(`${name}${count + index}`, token);
          if (joined.ok && joined.value.kind === 'in')
            process.stdout.write(`${host(`${name}${count + index}`)} ${digest(token)}\n`);
        }),
      );
  },
  /** Asks a hundred times at once for one name, each with another token. */
  async race() {
    const all = await Promise.all(Array.from({ length: 100 }, () => join(name, newToken())));
    return all.filter((one) => one.ok && one.value.kind === 'in').length;
  },
  async revoke() {
    await credentials.change(() => ({ result: 0, changes: [{ kind: 'drop', id: name as TokenId, at: NOW }] }));
    return 'revoked';
  },
};

const answer = await verbs[verb]?.();
await credentials.close();
console.log(JSON.stringify(answer));
