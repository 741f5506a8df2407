import { describe, expect, test } from 'vitest';
import { curlOf, exampleOf } from '../../server/web/pages/api/curl.ts';
import { groupsOf, isAbout, type OpenApi, operationsOf } from '../../server/web/pages/api/document.ts';
import { fieldsOf, limitWords, typeWords, variantsOf } from '../../server/web/pages/api/schema.ts';

const DOCUMENT: OpenApi = {
  openapi: '3.1.0',
  info: { title: 'Tagwave', version: '1' },
  tags: [{ name: 'Tags', description: 'Hourly snapshots' }, { name: 'Empty' }],
  paths: {
    '/v1/nodes/{hostname}': { get: { summary: 'what a node gets', parameters: [] }, parameters: [] },
    '/v1/tags/{tag}/mark': {
      put: {
        tags: ['Tags'],
        summary: 'mark a tag',
        requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Mark' } } } },
      },
    },
    '/v1/diff': {
      get: {
        summary: 'compare',
        parameters: [
          { name: 'from', in: 'query', required: true },
          { name: 'path', in: 'query' },
        ],
      },
    },
  },
  components: {
    schemas: {
      Mark: {
        type: 'object',
        required: ['state', 'reason'],
        properties: {
          state: { enum: ['good', 'bad'] },
          reason: { type: 'string', maxLength: 1000 },
          until: { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }] },
        },
      },
      Loop: { $ref: '#/components/schemas/Loop' },
      Tree: {
        type: 'object',
        required: ['children'],
        properties: { children: { type: 'array', items: { $ref: '#/components/schemas/Tree' } } },
      },
    },
  },
};

const operation = (id: string) => {
  const found = operationsOf(DOCUMENT).find((one) => one.id === id);
  if (found === undefined) throw new Error(`no ${id}`);
  return found;
};

describe('a description of the API', () => {
  test('is shown in groups: as it names them, or by the path', () => {
    const groups = groupsOf(DOCUMENT).map(({ name, description, operations }) => [
      name,
      description,
      operations.map(({ id }) => id),
    ]);
    expect(groups).toEqual([
      ['Tags', 'Hourly snapshots', ['put-v1-tags-tag-mark']],
      ['nodes', null, ['get-v1-nodes-hostname']],
      ['diff', null, ['get-v1-diff']],
    ]);
  });

  test('can be searched by method, path and what is said', () => {
    const about = (q: string) => operationsOf(DOCUMENT).filter((one) => isAbout(one, q)).length;
    expect([about(''), about('put'), about('v1 a tag'), about('a node gets'), about('nothing')]).toEqual([
      3, 1, 1, 1, 0,
    ]);
  });

  test('says in words what something is', () => {
    const words = (schema: Parameters<typeof typeWords>[0]) => typeWords(schema, DOCUMENT);
    expect(words({ $ref: '#/components/schemas/Mark' })).toBe('Mark');
    expect(words({ type: 'array', items: { $ref: '#/components/schemas/Mark' } })).toBe('list of Mark');
    expect(words({ enum: ['good', 'bad'] })).toBe('"good" or "bad"');
    expect(words({ type: ['string', 'null'], format: 'date-time' })).toBe('string (date-time) or null');
    expect(words({ type: 'object', additionalProperties: { type: 'integer' } })).toBe('object of integer by name');
    expect(words({})).toBe('anything');
    expect(limitWords({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 6 })).toEqual([
      'at least 0',
      'default 6',
    ]);
  });

  test('opens what a list, a map or a choice of one holds', () => {
    const names = (schema: Parameters<typeof fieldsOf>[0]) => fieldsOf(schema, DOCUMENT).map(({ name }) => name);
    const mark = { $ref: '#/components/schemas/Mark' };
    expect(names(mark)).toEqual(['state', 'reason', 'until']);
    expect(names({ type: 'array', items: mark })).toEqual(['state', 'reason', 'until']);
    expect(names({ anyOf: [mark, { type: 'null' }] })).toEqual(['state', 'reason', 'until']);
    expect(names({ type: 'object', additionalProperties: mark })).toEqual(['state', 'reason', 'until']);
    expect(names({ $ref: '#/components/schemas/Loop' })).toEqual([]);
    expect(variantsOf({ anyOf: [mark, { $ref: '#/components/schemas/Tree' }] }, DOCUMENT)).toHaveLength(2);
    expect(variantsOf({ anyOf: [mark, { type: 'null' }] }, DOCUMENT)).toEqual([]);
  });
});

describe('a line for the shell', () => {
  const where = { origin: 'https://etch.example.com/tagwave', needsToken: false };

  test('names what must be put in', () => {
    expect(curlOf(operation('get-v1-nodes-hostname'), DOCUMENT, where)).toBe(
      'curl -s https://etch.example.com/tagwave/v1/nodes/HOSTNAME',
    );
    expect(curlOf(operation('get-v1-diff'), DOCUMENT, where)).toBe(
      "curl -s 'https://etch.example.com/tagwave/v1/diff?from=FROM'",
    );
  });

  test('brings a body of the shape that is asked for, and the token where one is needed', () => {
    expect(curlOf(operation('put-v1-tags-tag-mark'), DOCUMENT, { ...where, needsToken: true })).toBe(
      `curl -s -X PUT -H "Authorization: Bearer $TAGWAVE_TOKEN" -H 'Content-Type: application/json' -d '{"state":"good","reason":"…"}' https://etch.example.com/tagwave/v1/tags/TAG/mark`,
    );
  });

  test('ends, though shapes go round in circles', () => {
    expect(JSON.stringify(exampleOf({ $ref: '#/components/schemas/Tree' }, DOCUMENT)).length).toBeLessThan(500);
    expect(exampleOf({ $ref: '#/components/schemas/Loop' }, DOCUMENT)).toBe('…');
  });
});
