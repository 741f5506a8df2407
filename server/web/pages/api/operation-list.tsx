import { hrefWith, type Place } from '../../router.ts';
import { groupsOf, isAbout, type OpenApi } from './document.ts';
import { Method } from './method.tsx';

interface Props {
  readonly document: OpenApi;
  readonly place: Place;
}

/** All that can be asked, in groups. */
export function OperationList({ document, place }: Props) {
  const { q = '', op } = place.query;
  const groups = groupsOf(document)
    .map((group) => ({ ...group, operations: group.operations.filter((one) => isAbout(one, q)) }))
    .filter(({ operations }) => operations.length > 0);
  if (groups.length === 0) return <p class="quiet">Nothing is about that.</p>;
  return (
    <>
      {groups.map(({ name, description, operations }) => (
        <section key={name} class="operation-group">
          <h2>{name}</h2>
          {description === null ? null : <p class="quiet">{description}</p>}
          <ul class="plain-list">
            {operations.map(({ id, method, path, summary }) => (
              <li key={id}>
                <a href={hrefWith(place, { op: id })} aria-current={id === op ? 'true' : undefined} title={summary}>
                  <Method method={method} /> <span class="operation-path">{path}</span>
                </a>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}
