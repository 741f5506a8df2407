import * as z from 'zod';

/** JSON Schema, draft 2020-12, as OpenAPI 3.1 has it. */
export type JsonSchema = Record<string, unknown>;

/** Those that have a name stand for themselves, once. */
export interface SchemaBook {
  /** As it is on the wire: of a request what is accepted, of an answer what a reader is handed. */
  of(schema: z.core.$ZodType): JsonSchema;
  named(): Readonly<Record<string, JsonSchema>>;
}

const PLACE = '#/components/schemas/';

export function openSchemaBook(): SchemaBook {
  const named = new Map<string, JsonSchema>();
  return {
    of(schema) {
      const made = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12', override: plainer });
      const { $schema: _dialect, '~standard': _standard, $defs = {}, ...own } = moved(made) as JsonSchema;
      for (const [name, one] of Object.entries($defs as Record<string, JsonSchema>)) {
        const known = named.get(name);
        if (known !== undefined && JSON.stringify(known) !== JSON.stringify(one))
          throw new Error(`two schemas are called ${name}`);
        named.set(name, one);
      }
      return own;
    },
    named: () => Object.fromEntries([...named].sort(([one], [other]) => (one < other ? -1 : 1))),
  };
}

/** What every whole number has, and what the format says, tells nobody anything. */
function plainer({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
}

/** The same with the names where OpenAPI has them. */
function moved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moved);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) =>
      key === '$ref' && typeof one === 'string' ? [key, one.replace('#/$defs/', PLACE)] : [key, moved(one)],
    ),
  );
}
