/** Answers: asks the interface for what a reader wants, and says how the results show it. */

const PAGE = 48;
const SAMPLE = 24;

export class Answers {
  #client;
  #results;
  #tell;
  /** The side in pixels of pictures that may be asked with; 0 for none, and undefined where that isn't known yet. */
  imageSide;
  /** How they become squares: "squash" or "crop". */
  imageFit;

  /**
   * @param {import("./client.js").Client} client
   * @param {import("./results.js").Results} results
   * @param {(detail: object) => void} tell Told of every answer to a question.
   */
  constructor(client, results, tell) {
    this.#client = client;
    this.#results = results;
    this.#tell = tell;
  }

  /**
   * @param {import("./address.js").Wanted & {picture?: object, minRelevance?: number}} wanted
   * @param {object} options
   * @param {object} [options.after] The place after which they go on, where some are shown already.
   * @param {object} [options.source] The photo whose like is wanted, where it is known.
   * @param {AbortSignal} options.signal
   * @returns {Promise<() => void>} What shows the answer.
   */
  async to(wanted, { after, source, signal }) {
    const { query, similar, picture, filters, order } = wanted;
    if (query || similar || picture) return this.#found(wanted, after, source, signal);
    if (order || filters.length) return this.#all({ ...wanted, order: order || "newest" }, signal);
    const collection = await this.collection(signal);
    return () => this.#results.showCollection(collection);
  }

  /** What the collection has to begin with; nothing where that cannot be known, for nobody asked for it. */
  async collection(signal) {
    const collection = await this.#client.collection(SAMPLE, signal).catch(() => ({ photos: [], suggestions: [] }));
    this.imageSide = collection.imageSide ?? this.imageSide;
    this.imageFit = collection.imageFit;
    return collection;
  }

  /** What a query, a picture or a photo like them finds. */
  async #found({ query, similar, picture, filters, order, minRelevance }, after, known, signal) {
    const options = { count: PAGE, after, filters, order: order || undefined, minRelevance, signal };
    const [{ photos, next, raw }, source] = await Promise.all([
      similar ? this.#client.similar(similar, options) : this.#client.search(query, options, picture),
      similar && !known ? this.#client.photo(similar, signal) : known,
    ]);
    const offer = next ? "more" : minRelevance === 0 ? "" : "closest";
    const { corrected } = raw;
    const byPicture = Boolean(picture);
    return () => {
      if (after) this.#results.addPhotos({ photos, offer, next });
      else this.#results.showFound({ photos, offer, next, source, byPicture, query: corrected ?? query, corrected, filters });
      if (!photos.length && !after) this.#suggest(signal);
      this.#tell({ query, similar, picture: byPicture, answer: raw });
    };
  }

  /** All photos by date. */
  async #all({ query, order, filters }, signal) {
    const counts = await this.#client.facets({ query, order, filters }, signal);
    const { bundle, total } = counts;
    const load = (offset, count) => this.#client.browse(order, filters, { offset, count, bundle }, signal);
    return () => (total ? this.#results.showAll(counts, load) : this.#results.showFound({ photos: [], query, filters }));
  }

  /** Suggest what finds something. */
  async #suggest(signal) {
    const { suggestions, total } = await this.collection(signal);
    if (signal.aborted) return;
    this.#results.suggest(suggestions);
    if (total === 0) this.#results.showUnpublished();
  }
}

/** The orders that there are for what is wanted, by the names of their texts, the usual one first. */
export function ordersFor({ query, similar, picture, filters }) {
  if (similar || picture) return {};
  const byDate = { newest: "newest", oldest: "oldest" };
  if (query) return { "": "mostRelevant", ...byDate };
  return filters.length ? byDate : { "": "selection", ...byDate };
}
