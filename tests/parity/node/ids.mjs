// Objects for methods to work on, made or found through the API itself, alike on both sides.

import { operationOf } from './contract.mjs';
import { PATH_VALUES } from './values.mjs';

const LOOKS = 3;

/** Ids by collection, such as `/threads/thread_1/messages`; `ask(request)` makes a request on both sides. */
export class Ids {
  #known = new Map();
  #ask;

  constructor(ask) {
    this.#ask = ask;
  }

  /** The id of an object of a collection: of a new one, else of the first that is listed, else of none. */
  async need(collection) {
    if (!this.#known.has(collection)) {
      this.#known.set(collection, `missing_${collection.split('/').at(-1)}`);
      const id = (await this.#idFrom('POST', collection)) ?? (await this.#idFrom('GET', collection));
      if (id) this.#known.set(collection, id);
    }
    return this.#known.get(collection);
  }

  async #idFrom(method, collection) {
    if (!operationOf(method, collection)) return undefined;
    // A run moves on each time that it is looked at, and has steps only at its end.
    const run = /^(.*\/runs\/[^/]+)\/steps$/.exec(collection)?.[1];
    for (let looks = 0; run && looks < LOOKS; looks += 1) await this.#ask('GET', run);
    const answer = await this.#ask(method, collection);
    const made = answer?.data?.[0] ?? answer;
    const ownName = `${collection.split('/').at(-1).replace(/s$/, '')}_id`;
    return made?.id ?? made?.[ownName] ?? made?.location?.split('/').at(-1);
  }

  /** Values for the parameters in an operation's path, in order. */
  async valuesFor(operation) {
    const values = [];
    let collection = '';
    for (const segment of operation.segments.slice(2)) {
      const name = segment.startsWith('{') ? segment.slice(1, -1) : undefined;
      const value = name && (PATH_VALUES[name] ?? (await this.need(collection)));
      if (name) values.push(value);
      collection += `/${value ?? segment}`;
    }
    return values;
  }

  /** Forget the objects in `path`: what was done to them may have ended them. */
  forget(path) {
    for (const [collection, id] of this.#known) {
      if (path.split('/').includes(id)) this.#known.delete(collection);
    }
  }
}
