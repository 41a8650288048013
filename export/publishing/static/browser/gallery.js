/** The gallery: a whole collection in the browser, which answers as the function's HTTP interface does. */

import { Encoder } from "./encoder.js";
import { chronological } from "./chronology.js";
import { countsOf } from "./facets.js";
import { filterOf } from "./filters.js";
import { BY_DATE, readParameters, Refusal } from "./parameters.js";
import { Searcher } from "./searcher.js";
import { Vectors } from "./vectors.js";

const DATES = ["taken_from", "taken_to"];
const FILTERS = ["folder", "orientation", "type", "where"];
const TEXTS = ["q", "weight", "not", "mode"];
const PAGING = ["k", "offset", "min_relevance", "order", "dedupe", "bundle"];

export class Gallery {
  #read;
  #parts = new Map();

  /** @param {(name: string) => Promise<ArrayBuffer>} read Gets one of the files that browser_form.py names. */
  constructor(read) {
    this.#read = read;
  }

  /**
   * Answer what would be asked of the function at an address.
   * @param {string} path Such as "v1/search".
   * @param {URLSearchParams} given
   * @returns {Promise<{status: number, body: object}>}
   */
  async answer(path, given) {
    try {
      return { status: 200, body: await this.#answer(path, given) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, body: error.body };
    }
  }

  /** Get what searching needs, so that a first question finds it there; if that fails, the question will say so. */
  prepare() {
    this.#searcher().catch(() => {});
  }

  #answer(path, given) {
    if (path === "v1/search") return this.#search(given);
    if (path === "v1/similar") return this.#similar(given);
    if (path === "v1/photos") return this.#page(given);
    if (path === "v1/facets") return this.#facets(given);
    if (path.startsWith("v1/photos/")) return this.#photo(decodeURIComponent(path.slice("v1/photos/".length)), given);
    throw new Refusal(`There is nothing at '${path}'`, undefined, "no-such-path", 404);
  }

  async #search(given) {
    const query = readParameters(given, [...TEXTS, ...PAGING, ...DATES, ...FILTERS]);
    if (!query.texts.length) throw new Refusal("q is missing", "q", "missing-parameter");
    const passes = await this.#filter(given);
    return (await this.#searcher()).search(query, passes);
  }

  async #similar(given) {
    const selection = readParameters(given, ["id", ...PAGING, ...DATES, ...FILTERS]);
    if (!given.has("id")) throw new Refusal("id is missing", "id", "missing-parameter");
    const passes = await this.#filter(given);
    const number = await this.#find(given.get("id"));
    return { id: given.get("id"), ...(await this.#searcher()).similar(number, selection, passes) };
  }

  /** A page of the photos that pass the filters, by date; without an order some of them, spread evenly. */
  async #page(given) {
    const { k, offset, order } = readParameters(given, ["k", "offset", "order", "bundle", ...DATES, ...FILTERS], BY_DATE);
    const passes = await this.#filter(given);
    if (offset && !order) {
      const detail = `offset is ${offset}, but there is no order (expected ${BY_DATE.join(" or ")})`;
      throw new Refusal(detail, "offset", "contradictory-parameters");
    }
    const { bundle, suggestions, columns, photos } = await this.#collection();
    const passing = Array.from(photos.keys()).filter(passes);
    const shown = order ? chronological(passing, photos, order).slice(offset, offset + k) : spread(passing, k);
    return {
      bundle,
      total: passing.length,
      next_offset: order && passing.length > offset + k ? offset + k : null,
      suggestions,
      columns,
      image_queries: false,
      image_side: null,
      image_fit: null,
      photos: shown.map((number) => ({ bundle, ...photos[number] })),
    };
  }

  /** How many of the photos that a search finds, or that pass the filters, there are of each kind. */
  async #facets(given) {
    const started = performance.now();
    const query = readParameters(given, [...TEXTS, "min_relevance", "dedupe", "bundle", ...DATES, ...FILTERS]);
    const alone = ["weight", "not", "mode", "min_relevance", "dedupe"].find((name) => given.has(name));
    if (alone && !query.texts.length) throw new Refusal(`${alone} is given without a q`, alone, "contradictory-parameters");
    const passes = await this.#filter(given);
    const { bundle, columns, photos } = await this.#collection();
    const searcher = query.texts.length ? await this.#searcher() : undefined;
    const numbers = searcher ? await searcher.relevant(query, passes) : Array.from(photos.keys()).filter(passes);
    const counted = numbers.map((number) => photos[number]);
    return {
      query: query.texts.map((text) => searcher.canonical(text)).join(" + "),
      bundle,
      ...countsOf(counted, photos, columns, given.getAll("folder")),
      took_ms: Math.round((performance.now() - started) * 1_000) / 1_000,
    };
  }

  async #photo(id, given) {
    readParameters(given, []);
    const { bundle, photos } = await this.#collection();
    return { bundle, ...photos[await this.#find(id)] };
  }

  async #find(id) {
    const { photos } = await this.#collection();
    const number = photos.findIndex((photo) => photo.id === id || photo.id === id.normalize("NFC"));
    if (number < 0) throw new Refusal(`No photo has the id '${id}'`, undefined, "photo-not-found", 404);
    return number;
  }

  /** Which photos, by their numbers, pass the filters. */
  async #filter(given) {
    const { bundle, columns, photos } = await this.#collection();
    if (given.has("bundle") && given.get("bundle") !== bundle) {
      throw new Refusal(`The bundle in service is ${bundle}: begin anew`, "bundle", "bundle-changed", 409);
    }
    const passes = filterOf(given, columns);
    return (number) => passes(photos[number]);
  }

  #collection() {
    return this.#once("collection", async () => parse(await this.#read("photos")));
  }

  #searcher() {
    return this.#once("searcher", async () => {
      const collection = await this.#collection();
      const names = ["vectors", "runtime", "graph", "weights", "tokenizer"];
      const [vectors, runtime, graph, weights, tokenizer] = await Promise.all(names.map((name) => this.#read(name)));
      const shape = { photos: collection.photos.length, views: collection.views.length, dim: collection.encoder.dim };
      const encoder = await Encoder.open({ runtime, graph, weights, tokenizer: parse(tokenizer) }, collection.encoder);
      return new Searcher(collection, new Vectors(vectors, shape), encoder);
    });
  }

  /** What is made when it is first asked for; where that fails, it is tried again at the next time. */
  #once(name, make) {
    if (!this.#parts.has(name)) {
      const part = make();
      this.#parts.set(name, part);
      part.catch(() => this.#parts.delete(name));
    }
    return this.#parts.get(name);
  }
}

/** Up to `count` of some items, from all of their length. */
function spread(items, count) {
  const length = Math.min(count, items.length);
  return Array.from({ length }, (_, place) => items[Math.floor((place * items.length) / length)]);
}

function parse(file) {
  return JSON.parse(new TextDecoder().decode(file));
}
