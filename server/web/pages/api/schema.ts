import type { OpenApi, Schema } from './document.ts';

const PREFIX = '#/components/schemas/';

/** The name by which the document has it; null of one that stands where it is used. */
export function nameOf({ $ref }: Schema): string | null {
  return $ref?.startsWith(PREFIX) === true ? decodeURIComponent($ref.slice(PREFIX.length)) : null;
}

/** What a reference leads to; a schema that is none as it is. */
export function resolved(schema: Schema, document: OpenApi): Schema {
  let found = schema;
  // A circle of references leads nowhere.
  for (let steps = 0; found.$ref !== undefined && steps < 20; steps++) {
    const name = nameOf(found);
    found = (name === null ? undefined : document.components?.schemas?.[name]) ?? {};
  }
  return found;
}

/** `string (date-time)`, `list of Node`, `"good" or "bad"`, `integer or null`. */
export function typeWords(schema: Schema, document: OpenApi): string {
  const name = nameOf(schema);
  if (name !== null) return name;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return anyOfWords(schema.enum.map((value) => JSON.stringify(value)));
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants !== undefined) return anyOfWords(variants.map((variant) => typeWords(variant, document)));
  if (Array.isArray(schema.type))
    return anyOfWords(schema.type.map((type) => typeWords({ ...schema, type }, document)));
  if (schema.type === 'array')
    return `list of ${schema.items === undefined ? 'anything' : typeWords(schema.items, document)}`;
  if (schema.type === 'object' || schema.properties !== undefined) return objectWords(schema, document);
  if (schema.type === undefined) return 'anything';
  return schema.format === undefined || schema.type === 'null'
    ? String(schema.type)
    : `${schema.type} (${schema.format})`;
}

function anyOfWords(words: readonly string[]): string {
  return [...new Set(words)].join(' or ');
}

function objectWords({ properties, additionalProperties }: Schema, document: OpenApi): string {
  const isMap = properties === undefined && typeof additionalProperties === 'object';
  return isMap ? `object of ${typeWords(additionalProperties, document)} by name` : 'object';
}

export interface Field {
  readonly name: string;
  readonly schema: Schema;
  readonly required: boolean;
}

/** What is worth opening: the fields of an object, or of what a list, a map or a choice holds, without a null. */
export function fieldsOf(schema: Schema, document: OpenApi): readonly Field[] {
  const found = resolved(schema, document);
  if (found.properties !== undefined)
    return Object.entries(found.properties).map(([name, field]) => ({
      name,
      schema: field,
      required: found.required?.includes(name) === true,
    }));
  if (found.items !== undefined) return fieldsOf(found.items, document);
  if (found.allOf !== undefined) return found.allOf.flatMap((part) => fieldsOf(part, document));
  if (typeof found.additionalProperties === 'object') return fieldsOf(found.additionalProperties, document);
  const variants = (found.anyOf ?? found.oneOf ?? []).filter(({ type }) => type !== 'null');
  return variants.length === 1 && variants[0] !== undefined ? fieldsOf(variants[0], document) : [];
}

/** The choices that each have fields of their own; none where there is one alone. */
export function variantsOf(schema: Schema, document: OpenApi): readonly Schema[] {
  const found = resolved(schema, document);
  const holder = found.items === undefined ? found : resolved(found.items, document);
  const variants = (holder.anyOf ?? holder.oneOf ?? []).filter((variant) => fieldsOf(variant, document).length > 0);
  return variants.length > 1 ? variants : [];
}

/** What a value may be, besides its type: `1 to 1000`, `at most 100 characters`, `default 72`. */
export function limitWords({ minimum, maximum, maxLength, pattern, ...rest }: Schema): readonly string[] {
  const isBig = (number: number | undefined) => number === undefined || Math.abs(number) >= Number.MAX_SAFE_INTEGER;
  const range =
    isBig(minimum) && isBig(maximum)
      ? []
      : isBig(maximum)
        ? [`at least ${minimum}`]
        : isBig(minimum)
          ? [`at most ${maximum}`]
          : [`${minimum} to ${maximum}`];
  return [
    ...range,
    ...(maxLength === undefined ? [] : [`at most ${maxLength} characters`]),
    ...(pattern === undefined || rest.format !== undefined ? [] : [pattern]),
    ...(rest.default === undefined ? [] : [`default ${JSON.stringify(rest.default)}`]),
  ];
}
