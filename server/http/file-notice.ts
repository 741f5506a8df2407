import type { ServerResponse } from 'node:http';
import * as z from 'zod';
import type { Exchange } from './exchange.ts';
import { DOOR_HEADERS } from './peer.ts';
import type { FileReply } from './reply.ts';

/** Which file the head would send: the door sends it, which reads the same disk. */
export const FILE_HEADER = `${DOOR_HEADERS}file`;

const notice = z.object({
  file: z.object({ path: z.string(), size: z.number(), sha256: z.string() }),
  headers: z.record(z.string(), z.string()),
  route: z.string().nullable(),
  hostname: z.string().nullable(),
});

/** The answer, and what the log says of the request. */
export type FileNotice = z.output<typeof notice>;

/** Says to a door which file is the answer. In a header, because the answer to HEAD has nothing else. */
export function sendNotice(response: ServerResponse, { file, headers }: FileReply, exchange: Exchange): void {
  const { route, hostname } = exchange;
  const said: FileNotice = { file, headers: { ...headers }, route, hostname };
  exchange.isLoggedElsewhere = true;
  response.writeHead(200, { [FILE_HEADER]: encodeURIComponent(JSON.stringify(said)), 'Content-Length': 0 });
  response.end();
}

/** What the head said in the header. */
export function readNotice(header: string): FileNotice {
  return notice.parse(JSON.parse(decodeURIComponent(header)));
}
