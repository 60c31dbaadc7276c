// The served contract: which operation a request is, and what its body must hold.

import { readFileSync } from 'node:fs';

const document = JSON.parse(readFileSync(new URL('../../../generated/openapi.json', import.meta.url), 'utf8'));

const PREFIX = '/v1';
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item)
    .filter(([, operation]) => operation.operationId)
    .map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      segments: path.split('/'),
      parameters: [...(item.parameters ?? []), ...(operation.parameters ?? [])].map(resolved),
      content: resolved(operation.requestBody ?? {}).content ?? {},
    })),
);

/** What a schema or parameter refers to, and what stands beside the reference. */
export function resolved(node) {
  if (!node?.$ref) return node;
  const { $ref, ...beside } = node;
  const target = $ref
    .slice(2)
    .split('/')
    .reduce((part, step) => part[step.replaceAll('~1', '/').replaceAll('~0', '~')], document);
  return { ...resolved(target), ...beside };
}

/** The operation that `method` and `path` (below /v1, without query) are, most literal first, or undefined. */
export function operationOf(method, path) {
  const segments = (PREFIX + path).split('/');
  const fitting = operations.filter(
    (operation) =>
      operation.method === method &&
      operation.segments.length === segments.length &&
      operation.segments.every((segment, index) => segment.startsWith('{') || segment === segments[index]),
  );
  const literals = (operation) => operation.segments.filter((segment) => !segment.startsWith('{')).length;
  return fitting.sort((one, other) => literals(other) - literals(one))[0];
}

/** Where objects that a field called `name` refers to are kept: `file_id` is at /files; or undefined. */
export function collectionOf(name) {
  const found = operations.find(
    ({ segments }) => segments.length === 4 && segments[1] === 'v1' && segments[3] === `{${name}}`,
  );
  return found && `/${found.segments[2]}`;
}
