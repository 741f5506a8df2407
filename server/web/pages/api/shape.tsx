import type { OpenApi, Schema } from './document.ts';
import { type Field, fieldsOf, limitWords, resolved, typeWords, variantsOf } from './schema.ts';
import { Inline } from './text.tsx';

interface Props {
  readonly schema: Schema;
  readonly document: OpenApi;
}

/** What a body holds, field by field; those that hold more can be opened. */
export function Shape({ schema, document }: Props) {
  const fields = fieldsOf(schema, document);
  const variants = variantsOf(schema, document);
  if (variants.length > 0)
    return (
      <div class="shape">
        <p class="quiet">One of these:</p>
        {variants.map((variant, index) => (
          <Shape key={`${index}${typeWords(variant, document)}`} schema={variant} document={document} />
        ))}
      </div>
    );
  if (fields.length === 0)
    return (
      <p class="shape">
        <code>{typeWords(schema, document)}</code>
      </p>
    );
  return (
    <ul class="plain-list shape">
      {fields.map((field) => (
        <FieldLine key={field.name} field={field} document={document} />
      ))}
    </ul>
  );
}

function FieldLine({
  field: { name, schema, required },
  document,
}: {
  readonly field: Field;
  readonly document: OpenApi;
}) {
  const found = resolved(schema, document);
  const description = schema.description ?? found.description;
  const hasMore = fieldsOf(schema, document).length > 0 || variantsOf(schema, document).length > 0;
  const words = (
    <>
      <code class="field-name">{name}</code>
      <span class="field-type">{typeWords(schema, document)}</span>
      {required ? null : <span class="quiet">optional</span>}
      {limitWords(found).map((limit) => (
        <span key={limit} class="quiet field-limit">
          {limit}
        </span>
      ))}
      {description === undefined ? null : (
        <span class="field-about">
          <Inline text={description} />
        </span>
      )}
    </>
  );
  if (!hasMore) return <li class="shape-line">{words}</li>;
  return (
    <li>
      <details>
        <summary class="shape-line">{words}</summary>
        <Shape schema={schema} document={document} />
      </details>
    </li>
  );
}
