import type { ComponentType } from 'preact';
import { ApiPage } from './pages/api.tsx';
import { EventsPage } from './pages/events.tsx';
import { MapPage } from './pages/map.tsx';
import { NodePage } from './pages/node.tsx';
import { NodesPage } from './pages/nodes.tsx';
import { ProblemsPage } from './pages/problems.tsx';
import { TagPage } from './pages/tag.tsx';
import { TagsPage } from './pages/tags.tsx';
import type { Place } from './router.ts';

export interface Page {
  readonly title: string;
  readonly view: ComponentType<{ readonly place: Place }>;
}

/** What is shown at a place; null where there is nothing. */
export function pageAt({ path }: Place): Page | null {
  const [section, name] = path;
  if (path.length > 2) return null;
  if (section === undefined) return { title: 'Train map', view: MapPage };
  if (section === 'nodes')
    return name === undefined ? { title: 'Nodes', view: NodesPage } : { title: name, view: NodePage };
  if (section === 'tags')
    return name === undefined ? { title: 'Tags', view: TagsPage } : { title: name, view: TagPage };
  if (name !== undefined) return null;
  if (section === 'events') return { title: 'Events', view: EventsPage };
  if (section === 'problems') return { title: 'Problems', view: ProblemsPage };
  if (section === 'api') return { title: 'API', view: ApiPage };
  return null;
}
