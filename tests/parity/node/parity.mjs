// Calls every method of OpenAI's library twice, straight to a sandbox and through a relay over another one,
// and says in one line of JSON each what became of it: node parity.mjs SANDBOX RELAY RELAY_KEY

import { differences } from './compare.mjs';
import { operationOf } from './contract.mjs';
import { HELPERS, WITHOUT_REQUEST } from './helpers.mjs';
import { Ids } from './ids.mjs';
import { argumentsOf, callMethod, isMark, methodNames, requestOf } from './methods.mjs';
import { sampleFields } from './samples.mjs';
import { ERRORS, SCENES } from './scenes.mjs';
import { outcome, Side } from './sides.mjs';

const [directUrl, relayUrl, relayKey] = process.argv.slice(2);
const direct = new Side(directUrl, 'none');
const relay = new Side(relayUrl, relayKey);
const ids = new Ids(ask);
const need = (collection) => ids.need(collection);
const requests = new Map();

/** Make a call on both sides, one after the other, and compare all that came of it. */
async function both(call) {
  const results = [];
  for (const side of [direct, relay]) {
    results.push({ result: await outcome(() => call(side.client)), exchanges: side.take() });
  }
  const [one, other] = results;
  const found = one.exchanges.length ? differences(one, other) : ['it made no request'];
  return { ...other, differences: found, results };
}

/** Make the request that an operation is by the library's own method for it, and give what came. */
async function ask(method, path) {
  const operation = operationOf(method, path);
  const entry = [...requests].find(([, request]) => request.operation?.id === operation.id);
  if (!entry) return undefined;
  const segments = path.split('/');
  const values = segments.filter((_, index) => operation.segments[index + 1]?.startsWith('{'));
  const { result, exchanges, differences: found } = await called(...entry, values);
  report({ method: entry[0], made: path, exchanges, differences: found });
  return result.items ? { data: result.items } : result;
}

async function called(name, request, values) {
  const fields = request.operation && (await sampleFields(request.operation, need));
  const parameters = argumentsOf(request, values, fields);
  return both((client) => callMethod(client, name, parameters));
}

async function runMethod(name) {
  const request = requests.get(name);
  if (!request) return { differences: ['it made no request'], exchanges: [] };
  const done = await called(name, request, await valuesFor(request));
  if (request.method !== 'GET') done.exchanges.forEach(({ path }) => ids.forget(path));
  return done;
}

/** What a wrong key comes to: the sandbox takes any, so there is nothing to compare it with. */
async function refused() {
  const result = await outcome(() => relay.client.withOptions({ apiKey: 'wrong' }).models.list());
  return { result, exchanges: relay.take() };
}

function valuesFor({ operation, path }) {
  // Of what is not in the contract nothing is known but how many values its path holds.
  return operation ? ids.valuesFor(operation) : path.split('/').filter(isMark).map((_, index) => `some_${index}`);
}

async function runHelper({ needs, call }) {
  const given = await needs?.(need);
  return both((client) => call(client, given));
}

function report({ result, results, ...line }) {
  const error = result?.error;
  const exchanges = line.exchanges.map(({ method, path, status, operation }) => ({ method, path, status, operation }));
  process.stdout.write(JSON.stringify({ ...line, error, exchanges }) + '\n');
}

const names = methodNames(direct.client);
for (const name of names) {
  if (name in HELPERS || name in WITHOUT_REQUEST) continue;
  const request = await requestOf(name);
  if (request) requests.set(name, request);
}
for (const name of names) {
  if (name in WITHOUT_REQUEST) report({ method: name, reason: WITHOUT_REQUEST[name], exchanges: [], differences: [] });
  else report({ method: name, ...(await (name in HELPERS ? runHelper(HELPERS[name]) : runMethod(name))) });
}
for (const [scene, call] of Object.entries(SCENES)) {
  report({ scene, ...(await both(call)) });
}
for (const [error, call] of Object.entries(ERRORS)) {
  report({ scene: `an error is a ${error}`, expected: error, ...(await both(call)) });
}
report({ scene: 'a wrong key is refused', expected: 'AuthenticationError', ...(await refused()), differences: [] });
