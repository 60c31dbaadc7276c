// Every method of every resource of the client, and the request that each makes.

import OpenAI from 'openai';
import { operationOf } from './contract.mjs';

const MARK = '~';
const NOT_IDS = new Set(['body', 'params', 'query', 'options']);

/** The names of all methods, such as `chat.completions.create`: what each resource's own prototype has. */
export function methodNames(client) {
  return Object.entries(client).flatMap(([name, value]) => (isResource(value) ? namesBelow(value, name) : []));
}

function namesBelow(resource, path) {
  const own = Object.getOwnPropertyNames(Object.getPrototypeOf(resource))
    .filter((name) => name !== 'constructor' && typeof resource[name] === 'function')
    .map((name) => `${path}.${name}`);
  const nested = Object.entries(resource).filter(([name, value]) => !name.startsWith('_') && isResource(value));
  return [...own, ...nested.flatMap(([name, value]) => namesBelow(value, `${path}.${name}`))];
}

function isResource(value) {
  return typeof value === 'object' && value !== null && '_client' in value;
}

/** Call the method that `name` names. */
export function callMethod(client, name, parameters) {
  const path = name.split('.');
  const method = path.pop();
  const resource = path.reduce((part, step) => part[step], client);
  return resource[method](...parameters);
}

function parameterNames(client, name) {
  const source = name.split('.').reduce((part, step) => part[step], client).toString();
  const list = source.slice(source.indexOf('(') + 1, source.indexOf(') {'));
  return list.split(',').map((part) => part.split('=')[0].trim());
}

/** What the client is told in place of parameters: every field that it takes out is a mark with its name. */
function marks() {
  return new Proxy({}, { get: (_, name) => (typeof name === 'string' ? MARK + name : undefined) });
}

/**
 * The one request that a method makes: `{method, path, names, operation}`, undefined where it makes none.
 *
 * In `path` each value that the caller gives is marked with the name of the parameter or field it is taken from.
 */
export async function requestOf(name) {
  let request;
  const fetch = async (url, init) => {
    if (url.startsWith('data:')) return globalThis.fetch(url, init);
    request ??= { method: init.method.toUpperCase(), path: decodeURIComponent(new URL(url).pathname) };
    return new Response('{}', { headers: { 'content-type': 'application/json' } });
  };
  const client = new OpenAI({ apiKey: 'none', adminAPIKey: 'none', baseURL: 'http://none.invalid', maxRetries: 0, fetch });
  const names = parameterNames(client, name);
  const given = names.map((each) => (NOT_IDS.has(each) ? marks() : MARK + each)).slice(0, names.indexOf('options'));
  try {
    await callMethod(client, name, given);
  } catch {
    // What a method makes of an empty answer does not matter here.
  }
  return request && { ...request, names, operation: operationOf(request.method, request.path) };
}

/** The arguments of a method for `values`, which are in the order of the marks in its path, and for `fields`. */
export function argumentsOf({ path, names }, values, fields) {
  const marked = path.split('/').filter((segment) => segment.startsWith(MARK));
  const given = Object.fromEntries(marked.map((segment, index) => [segment.slice(MARK.length), values[index]]));
  const taken = names.filter((name) => !NOT_IDS.has(name));
  const rest = Object.entries(given).filter(([name]) => !taken.includes(name));
  const object = { ...fields, ...Object.fromEntries(rest) };
  const last = names.some((name) => NOT_IDS.has(name) && name !== 'options') ? [object] : [];
  return [...taken.map((name) => given[name]), ...last];
}

/** Whether a segment of a probed path stands for a value that the caller gives. */
export function isMark(segment) {
  return segment.startsWith(MARK);
}
