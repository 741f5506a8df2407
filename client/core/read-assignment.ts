import { assignmentSchema } from '../../protocol/assignment.ts';
import { type Answer, parseJson, type Question } from './answer.ts';

/** Reads what a server assigns. It must be for the host, and with the tag, that were asked for. */
export function readAssignment(body: Buffer, etag: string | undefined, question: Question): Answer {
  const value = parseJson(body);
  if (value === undefined) return { kind: 'unintelligible', why: 'its answer is not JSON' };
  const parsed = assignmentSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return {
      kind: 'unintelligible',
      why: `its answer has an unexpected ${issue?.path.map(String).join('.') || 'shape'}`,
    };
  }
  const assignment = parsed.data;
  if (assignment.hostname !== question.hostname)
    return {
      kind: 'unintelligible',
      why: `it answered for ${assignment.hostname} when asked for ${question.hostname}`,
    };
  if (question.tag !== undefined && assignment.tag !== question.tag)
    return { kind: 'unintelligible', why: `it answered with ${assignment.tag} when asked for ${question.tag}` };
  return { kind: 'serve', assignment, etag };
}
