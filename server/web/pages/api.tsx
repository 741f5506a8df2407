import { useData } from '../data.ts';
import { Empty, Loaded } from '../parts/states.tsx';
import { becomeWith } from '../place.ts';
import { hrefWith, type Place } from '../router.ts';
import { type OpenApi, operationsOf } from './api/document.ts';
import { OperationView } from './api/operation.tsx';
import { OperationList } from './api/operation-list.tsx';
import { Text } from './api/text.tsx';
import './parts/parts.css';
import './api/api.css';

/** What the server can be asked, as it describes it itself in `openapi.json`. */
export function ApiPage({ place }: { readonly place: Place }) {
  const data = useData<OpenApi>('openapi.json', []);
  const { op, q = '' } = place.query;
  return (
    <div class={op === undefined ? 'api-page' : 'api-page has-operation'}>
      <header class="page-head">
        <h1>API</h1>
        <p class="total">{data.value === null ? '' : `Tagwave ${data.value.info.version}`}</p>
        <a class="push" href="openapi.json">
          openapi.json
        </a>
      </header>
      <Loaded data={data} what="the description of the API" rem={30}>
        {(document) => (
          <div class="api">
            <nav class="api-list" aria-label="Operations">
              <input
                type="search"
                aria-label="Search in the API"
                placeholder="Search"
                value={q}
                onInput={(event) => becomeWith({ q: event.currentTarget.value })}
              />
              <OperationList document={document} place={place} />
            </nav>
            <Chosen document={document} place={place} />
          </div>
        )}
      </Loaded>
    </div>
  );
}

function Chosen({ document, place }: { readonly document: OpenApi; readonly place: Place }) {
  const { op } = place.query;
  const back = (
    <p class="api-back">
      <a href={hrefWith(place, { op: undefined })}>All operations</a>
    </p>
  );
  if (op === undefined)
    return (
      <div class="card api-chosen api-about">
        {document.info.description === undefined ? null : <Text text={document.info.description} />}
      </div>
    );
  const operation = operationsOf(document).find(({ id }) => id === op);
  return (
    <div class="card api-chosen">
      {back}
      {operation === undefined ? (
        <Empty title="There is no such operation" />
      ) : (
        <OperationView key={op} operation={operation} document={document} />
      )}
    </div>
  );
}
