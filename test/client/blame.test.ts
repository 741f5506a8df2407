import { expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { runClient } from './run-client.ts';
import { NEXT_TAG, serveView, TAG, viewOf } from './serve-view.ts';

const HOST = 'web1.example.com';

/** What cannot be wrong yet: as of an archive, nothing but the header of gzip. */
const BEGINNING = { manifest: Buffer.from('{"path"'), archive: Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]) };

test.each(['manifest', 'archive'] as const)(
  'a tag is not blamed for the way to it: when the download of its %s breaks off, the report names what runs',
  async (kind) => {
    const [before, after] = [await viewOf({ 'etc/motd': 'before\n' }), await viewOf({ 'etc/motd': 'after\n' })];
    const server = await serveView(before);
    const target = await disposableDirectory();
    const poll = () => runClient(['poll', '--server', server.url, '--hostname', HOST, '--target', target]);
    expect(await poll()).toMatchObject({ code: 0 });
    server.answer = () => ({ serve: after, tag: NEXT_TAG });
    server.instead = { [kind]: () => ({ cut: BEGINNING[kind] }) };
    expect(await poll()).toMatchObject({ code: 1 });
    expect(server.reports.at(-1)).toMatchObject({ outcome: 'failed', tag: TAG, digest: before.digest });
  },
);
