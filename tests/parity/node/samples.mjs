// The smallest body that an operation takes: what is required, and of each value the first that is allowed.

import { toFile } from 'openai';
import { collectionOf, resolved } from './contract.mjs';
import { BODIES, REFERENCES } from './values.mjs';

const MEDIA_TYPES = ['multipart/form-data', 'application/json'];
const PLAIN = { string: 'text', integer: 1, number: 1, boolean: false, null: null };
const FORMATS = { uri: 'https://example.com/', 'date-time': '2025-01-01T00:00:00Z', email: 'someone@example.com' };

/**
 * The fields that a call of `operation` needs, of its query and of its body.
 *
 * `need(collection)` gives the id of an object of a collection; it is asked for fields that name one.
 */
export async function sampleFields(operation, need) {
  const fields = {};
  for (const { in: place, required, name, schema } of operation.parameters) {
    if (place === 'query' && required) fields[name.replace('[]', '')] = await sample(schema, name, need);
  }
  const media = MEDIA_TYPES.map((type) => operation.content[type]).find(Boolean);
  const body = media && (await sample(media.schema, '', need));
  return { ...fields, ...body, ...(await BODIES[operation.id]?.(need)) };
}

async function sample(given, name, need) {
  const schema = flat(given);
  if ('const' in schema) return schema.const;
  const options = schema.oneOf ?? schema.anyOf;
  if (schema.type !== 'object' && !schema.enum && options) {
    const { oneOf, anyOf, ...beside } = schema;
    return sample({ ...beside, ...flat(options[0]) }, name, need);
  }
  if (schema.enum) return schema.enum[0];
  if (schema.format === 'binary') return toFile(Buffer.from('some bytes'), 'sample.txt');
  const type = [schema.type].flat()[0] ?? (schema.properties ? 'object' : 'string');
  if (type === 'object') return sampleObject(schema, need);
  if (type === 'array') return sampleArray(schema, name, need);
  if (type === 'string') return sampleText(schema, name, need);
  return schema.default ?? schema.minimum ?? PLAIN[type];
}

async function sampleObject(schema, need) {
  const value = {};
  for (const name of schema.required ?? []) {
    value[name] = await sample(schema.properties?.[name] ?? {}, name, need);
  }
  return value;
}

async function sampleArray(schema, name, need) {
  // A list that may be empty still has one item: an empty one shows little.
  const item = await sample(schema.items ?? {}, name.replace(/s$/, ''), need);
  return Array(Math.max(1, schema.minItems ?? 1)).fill(item);
}

async function sampleText(schema, name, need) {
  const collection = REFERENCES[name] ?? collectionOf(name);
  if (collection) return need(collection);
  return (FORMATS[schema.format] ?? PLAIN.string).padEnd(schema.minLength ?? 0, '.');
}

function flat(given) {
  const schema = resolved(given) ?? {};
  const parts = (schema.allOf ?? []).map(flat);
  return parts.reduce(
    (merged, part) => ({
      ...part,
      ...merged,
      properties: { ...part.properties, ...merged.properties },
      required: [...(part.required ?? []), ...(merged.required ?? [])],
    }),
    schema,
  );
}
