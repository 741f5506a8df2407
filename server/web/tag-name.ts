/** What the name of a tag says: `etchautotag-20261121-0800`. */

const NAME = /^etchautotag-(\d{4})(\d\d)(\d\d)-(\d\d)00$/;

/** When its hour began, milliseconds since 1970; null of what is no tag. */
export function hourOfTag(name: string): number | null {
  const [, year, month, date, hour] = NAME.exec(name) ?? [];
  return year === undefined ? null : Date.parse(`${year}-${month}-${date}T${hour}:00:00Z`);
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `21 Nov 08:00`, for where there is little room; anything that is no tag as it is. */
export function shortTag(name: string): string {
  const [, , month, date, hour] = NAME.exec(name) ?? [];
  return hour === undefined ? name : `${Number(date)} ${MONTHS[Number(month) - 1]} ${hour}:00`;
}

/** What somebody is given, taken apart. */
export type AnswerKind = 'tag' | 'trunk' | 'hold' | 'killswitch' | 'nothing' | 'unknown';

export function kindOf(answer: string): AnswerKind {
  if (answer === 'trunk' || answer === 'killswitch' || answer === 'nothing' || answer === 'unknown') return answer;
  return answer.startsWith('hold') ? 'hold' : 'tag';
}
