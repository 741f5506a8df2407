import { useEffect, useRef } from 'preact/hooks';
import { session } from '../../session.ts';
import { useStore } from '../../store.ts';
import { CopyLine } from './copy.tsx';
import { curlOf } from './curl.ts';
import type { Content, OpenApi, Operation, Parameter, Schema } from './document.ts';
import { Method } from './method.tsx';
import { limitWords, typeWords } from './schema.ts';
import { Shape } from './shape.tsx';
import { Inline, Text } from './text.tsx';

interface Props {
  readonly operation: Operation;
  readonly document: OpenApi;
}

/** Everything about one thing that can be asked. */
export function OperationView({ operation, document }: Props) {
  const { method, path, summary, description, parameters = [], requestBody, responses = {}, security = [] } = operation;
  const isPerson = useStore(session).kind === 'person';
  const where = {
    origin: location.href.replace(/[#?].*$/, '').replace(/\/$/, ''),
    needsToken: isPerson && security.length > 0,
  };
  const body = requestBody?.content?.['application/json']?.schema;
  const head = useRef<HTMLHeadingElement>(null);
  // The list may be long, and its end far from here.
  useEffect(() => head.current?.scrollIntoView({ block: 'nearest' }), []);
  return (
    <article class="operation" aria-labelledby="operation">
      <h2 id="operation" ref={head}>
        <Method method={method} /> <code>{path}</code>
      </h2>
      <p class="operation-summary">{summary}</p>
      {description === undefined ? null : <Text text={description} />}
      <CopyLine line={curlOf(operation, document, where)} />
      <Parameters parameters={parameters} document={document} />
      {body === undefined ? null : (
        <section>
          <h3>Body</h3>
          <Shape schema={body} document={document} />
        </section>
      )}
      <section>
        <h3>Answers</h3>
        {Object.entries(responses).map(([status, answer]) => (
          <Answered key={status} status={status} answer={answer} document={document} />
        ))}
      </section>
    </article>
  );
}

function Parameters({
  parameters,
  document,
}: {
  readonly parameters: readonly Parameter[];
  readonly document: OpenApi;
}) {
  if (parameters.length === 0) return null;
  return (
    <section>
      <h3>Parameters</h3>
      <ul class="plain-list shape">
        {parameters.map(({ name, in: where, required, description, schema = {} }) => (
          <li key={`${where} ${name}`} class="shape-line">
            <code class="field-name">{name}</code>
            <span class="field-type">{typeWords(schema, document)}</span>
            <span class="quiet">
              {where}
              {required === true ? '' : ', optional'}
            </span>
            {limitWords(withoutPattern(schema)).map((limit) => (
              <span key={limit} class="quiet field-limit">
                {limit}
              </span>
            ))}
            {description === undefined ? null : (
              <span class="field-about">
                <Inline text={description} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What a pattern means is said in words. */
function withoutPattern({ pattern: _, ...rest }: Schema): Schema {
  return rest;
}

interface AnsweredProps {
  readonly status: string;
  readonly answer: Content;
  readonly document: OpenApi;
}

function Answered({ status, answer: { description = '', content = {} }, document }: AnsweredProps) {
  const isGood = /^[23]/.test(status);
  const types = Object.entries(content);
  const words = (
    <>
      <code class={isGood ? 'status status-good' : 'status'}>{status}</code> <Inline text={description} />
      {types.length === 0 || types.some(([type]) => type.endsWith('json')) ? null : (
        <span class="quiet"> {types.map(([type]) => type).join(', ')}</span>
      )}
    </>
  );
  const schema = types.find(([type]) => type === 'application/json')?.[1].schema;
  if (schema === undefined) return <p class="answered">{words}</p>;
  return (
    <details class="answered" open={isGood}>
      <summary>{words}</summary>
      <Shape schema={schema} document={document} />
    </details>
  );
}
