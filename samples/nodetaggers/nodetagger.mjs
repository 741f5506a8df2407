// A nodetagger as a module: `nodetagger: nodetaggers/nodetagger.mjs` in server.yml. It answers the tag that a host shall
// have: `tags/NAME`, `NAME` or `trunk`. When it throws, the host keeps what it has, and the message is the reason.
//
// It runs inside the server: one that never returns stops the server with it. What may hang is better an executable.
//
// context has
//   groups     the node's groups, parents included
//   tags       the names of the existing tags, oldest first
//   marks      tag -> 'good', 'bad' or 'badfwd', as it stands in the node's environment
//   now        a Date: the instant of the decision
//   scheduled(hours, {require})   the tag that the schedule chooses at so many hours' lag, require 'good' or 'not-bad';
//              undefined where it would hold, and no answer is a hold too

/** Hosts that move money: they take a tag only after somebody marked it good. */
const CAREFUL = 'payments';

export default function nodetagger(hostname, { groups, scheduled }) {
  if (groups.includes(CAREFUL)) return scheduled(4, { require: 'good' });
  if (groups.includes('dev') || groups.includes('int')) return scheduled(0);
  if (groups.includes('qa')) return scheduled(1);
  if (groups.includes('stg')) return scheduled(2);

  // Of every pair, the host with the odd number goes first: web1 at hour 3, its twin web2 at hour 4.
  const number = /^[a-z-]*?(\d+)\./.exec(hostname)?.[1];
  return scheduled(Number(number) % 2 === 1 ? 3 : 4);
}
