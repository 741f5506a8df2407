import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { GIT_ENVIRONMENT } from './source.ts';

/**
 * Git's own HTTP server, `git http-backend`, with as little around it as it needs. What is around it is left out where its
 * processor time is counted: that is of the programs that this process started and waited for.
 */
export async function serveGitOverHttp(root: string): Promise<void> {
  const backend = join((await execa('git', ['--exec-path'])).stdout, 'git-http-backend');
  const server = createServer((request, response) => answer(backend, root, { request, response }));
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`http://127.0.0.1:${port}\n`);
  });
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

function answer(backend: string, root: string, { request, response }: Exchange): void {
  const child = spawn(backend, { env: variablesOf(root, request), stdio: ['pipe', 'pipe', 'inherit'] });
  request.pipe(child.stdin);
  let head = '';
  child.stdout.on('data', (chunk: Buffer) => {
    if (response.headersSent) return void response.write(chunk);
    head += chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end === -1) return;
    for (const line of head.slice(0, end).split('\r\n')) {
      const colon = line.indexOf(':');
      if (line.startsWith('Status:')) response.statusCode = Number.parseInt(line.slice(colon + 1), 10);
      else response.setHeader(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    response.write(Buffer.from(head.slice(end + 4), 'latin1'));
  });
  child.on('close', () => response.end());
}

/** As RFC 3875 has it. */
function variablesOf(root: string, { url = '/', method = 'GET', headers }: IncomingMessage): Record<string, string> {
  const [path = '', query = ''] = url.split('?');
  const protocol = headers['git-protocol'];
  return {
    ...GIT_ENVIRONMENT,
    PATH: process.env['PATH'] ?? '',
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: path,
    QUERY_STRING: query,
    REQUEST_METHOD: method,
    REMOTE_ADDR: '127.0.0.1',
    CONTENT_TYPE: headers['content-type'] ?? '',
    CONTENT_LENGTH: headers['content-length'] ?? '',
    HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
    ...(typeof protocol === 'string' ? { GIT_PROTOCOL: protocol } : {}),
  };
}
