import type { ColumnType, Generated, Kysely, Transaction } from 'kysely';
import type { Report } from '../../../protocol/assignment.ts';
import type { Digest, Hostname, TagName } from '../../../protocol/names.ts';
import type { EventKind } from '../../core/event.ts';
import type { Told } from '../../ports/store.ts';

/** All times are integers, milliseconds since 1970. JSON is text. Both mean the same in every SQL dialect. */

interface NodeTable {
  hostname: Hostname;
  first_seen: number;
  last_seen: number;
  running: Digest | null;
  /** When the answer that the node has now began. */
  told_at: number | null;
  answer_id: number | null;
  last_report_id: number | null;
  /** How often it has asked. */
  polls: Generated<number>;
  /** `last_seen` in whole hours since 1970. */
  seen_hour: Generated<number>;
  /** Of the last report. What is here of one that was dropped since does not count. */
  reported: Report['outcome'] | null;
  reported_tag: Report['tag'];
  reported_digest: Report['digest'];
  /** 1: it says that something was not as it should be. */
  drifted: Generated<number>;
}

/** How many nodes were told which answer last; kept up by the database itself. No row stands for none. */
interface ToldCountTable {
  /** 0 = they were told nothing. */
  answer_id: number;
  nodes: number;
}

/** What can be told to a node. Thousands of nodes are told the same, so that it is stored once. Rows never change. */
interface AnswerTable {
  id: Generated<number>;
  /** Of everything in the row. */
  hash: string;
  environment: string;
  wave: string;
  /** JSON array. */
  groups: string;
  outcome: Told['outcome'];
  tag: Told['tag'];
  digest: Digest | null;
  hold: Told['hold'];
  message: string | null;
  /** JSON array. */
  reasons: string;
}

/** From when on a node was told which answer. The order of the ids is the order in which it happened. */
interface AssignmentTable {
  id: Generated<number>;
  hostname: Hostname;
  /** The poll's instant. */
  at: number;
  /** When the answer began, as the poll said. */
  told_at: number;
  answer_id: number;
}

interface ReportTable {
  id: Generated<number>;
  hostname: Hostname;
  run_id: string;
  received_at: number;
  /** The report as JSON. */
  body: string;
}

/** What a node has experienced with a tag that it was told. One row a node and tag, made when there is something to say. */
interface TagRunTable {
  tag: TagName;
  hostname: Hostname;
  /** In which the node was when the row was made. */
  wave: string;
  /** What the node was told with the tag, and its polls said that it runs; null where none has said so. */
  digest: Digest | null;
  since: number | null;
  /** When a poll first said that it runs something else; null as long as it runs this. */
  until: number | null;
  /** Its last word about the tag, where that is a failure. */
  outcome: 'failed' | 'rolled-back' | null;
  /** When the row was made or the failure reported. */
  at: number;
}

interface EventTable {
  id: Generated<number>;
  at: number;
  kind: EventKind;
  by: string;
  from: string | null;
  subject: string;
  before: string | null;
  after: string | null;
  why: string | null;
  summary: string;
  /** Over the one before it and the row; null for kinds outside of the chain. */
  hash: string | null;
}

interface ControlTextTable {
  hash: string;
  text: string;
}

interface ControlVersionTable {
  id: Generated<number>;
  file: string;
  at: number;
  by: string;
  /** Null where the file was absent. */
  text_hash: string | null;
}

interface TagTable {
  name: TagName;
  created: number;
  pruned_at: ColumnType<number | null, number | null | undefined, number | null>;
  /** The tag's record as JSON. */
  record: string;
}

/** One row, written to find out whether writing works. */
interface WriteProbeTable {
  id: number;
  writes: number;
}

export interface MigrationTable {
  number: number;
  name: string;
}

export interface Schema {
  nodes: NodeTable;
  told_counts: ToldCountTable;
  answers: AnswerTable;
  assignments: AssignmentTable;
  reports: ReportTable;
  tag_runs: TagRunTable;
  events: EventTable;
  control_texts: ControlTextTable;
  control_versions: ControlVersionTable;
  tags: TagTable;
  write_probe: WriteProbeTable;
  migrations: MigrationTable;
}

/** For queries, inside and outside of a transaction. */
export type Db = Kysely<Schema> | Transaction<Schema>;
