import { KEYS } from './keys.ts';
import type { Layer } from './merge.ts';

export function variableOf(name: string): string {
  return `TAGWAVE_CLIENT_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** Settings from the environment. An empty variable counts as unset; a list is split at spaces and commas. Others are ignored. */
export function layerOfEnvironment(env: NodeJS.ProcessEnv): Layer {
  const layer: Layer = {};
  for (const { name, kind } of KEYS) {
    const variable = variableOf(name);
    const text = env[variable]?.trim();
    if (text === undefined || text === '') continue;
    layer[name] = {
      texts: kind === 'list' ? text.split(/[\s,]+/).filter((part) => part !== '') : [text],
      where: variable,
    };
  }
  return layer;
}
