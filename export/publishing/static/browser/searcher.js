/** The searcher: a question in, photos with their relevance out; as handler/search/searcher.py and questions.py. */

import { chronological } from "./chronology.js";
import { bestMatch } from "./matching.js";
import { unquoted, wordingOf } from "./query_words.js";
import { bySight, Ranking, soughtOf } from "./ranking.js";
import { IDENTICAL_FROM, kindOfQuery } from "./relevance.js";
import { corrected } from "./spelling.js";
import { normalise } from "./texts.js";
import { Words } from "./words.js";
import { WordSearch } from "./word_hits.js";

const VISUAL = "visual";
const MATCHED_IN = { edited: "caption", column: "column", name: "name", text: "text", caption: "caption" };
const NO_HITS = new Map();

const { fround } = Math;

export class Searcher {
  #collection;
  #vectors;
  #encoder;
  #ranking;
  #words;

  /**
   * @param {object} collection What the photos' file says (browser_form.py).
   * @param {import("./vectors.js").Vectors} vectors
   * @param {import("./encoder.js").Encoder} encoder
   */
  constructor(collection, vectors, encoder) {
    this.#collection = collection;
    this.#vectors = vectors;
    this.#encoder = encoder;
    this.#ranking = new Ranking(vectors, collection);
    this.#words = new WordSearch(new Words(collection.photos), collection.photos.length);
  }

  /**
   * The photos that texts describe.
   * @param {object} query What parameters.js reads.
   * @param {(number: number) => boolean} passes Which photos the filters let pass.
   */
  async search(query, passes) {
    const typed = query.texts.map((text) => this.canonical(text));
    const answer = await this.#searched(query, passes, typed);
    if (!answer.no_relevant_results) return answer;
    const texts = typed.map((text) => corrected(text, this.#encoder) ?? text);
    if (texts.every((text, place) => text === typed[place])) return answer;
    const other = await this.#searched({ ...query, texts }, passes, typed);
    const better = !other.no_relevant_results || (other.perhaps.length && !answer.perhaps.length);
    return better ? { ...other, corrected: texts.join(" + ") } : answer;
  }

  async #searched(query, passes, typed) {
    const page = this.#page(await this.#questionOf(query, passes), query);
    return { query: typed.join(" + "), ...page, corrected: null };
  }

  /** The numbers of all photos that pages of a search would have as results. */
  async relevant(query, passes) {
    const found = await this.#allRelevant(query, passes);
    const respelt = (text) => corrected(this.canonical(text), this.#encoder) ?? text;
    return found.length ? found : this.#allRelevant({ ...query, texts: query.texts.map(respelt) }, passes);
  }

  async #allRelevant(query, passes) {
    const question = await this.#questionOf(query, passes);
    const least = fround(query.minRelevance ?? this.#collection.calibration[question.kind].threshold);
    const found = this.#ranking.ranked(question).filter(({ relevance }) => relevance >= least);
    return (query.dedupe ? this.#firstOfEachGroup(found) : found).map(({ number }) => number);
  }

  /** The photos that are like the one of a number, which is itself left out. */
  similar(number, selection, allowed) {
    const direction = this.#vectors.direction(number, this.#collection.calibration.weights);
    const sought = direction && { texts: [direction], direction, kind: "sentence", without: [] };
    return this.#page({ kind: "sentence", sought, hits: NO_HITS, allowed, wordings: [] }, selection, number);
  }

  /** @returns {Promise<import("./ranking.js").Question>} */
  async #questionOf(query, passes) {
    const { texts, mode } = query;
    const meant = texts.map((text) => this.#meant(text));
    const longest = meant.reduce((one, other) => (wordCount(other) > wordCount(one) ? other : one));
    const question = { kind: kindOfQuery(longest), hits: NO_HITS, allowed: passes, wordings: [] };
    if (mode !== "meaning") this.#byWords(question, query);
    if (mode !== "words" && meant.every((text) => this.#encoder.knows(text))) {
      const without = await this.#unwanted(query.without);
      question.sought = soughtOf(await this.#encoder.encode(meant), sharesOf(query), question.kind, without);
    }
    return question;
  }

  /** Add to a question what the words of its query find and forbid. */
  #byWords(question, { mode, texts, weights, without }) {
    const wordsAlone = mode === "words";
    const rank = (word) => this.#encoder.rank(word);
    question.wordings = texts.map((text) => wordingOf(text, rank));
    question.hits = this.#words.hits(question.wordings, sharesOf({ texts, weights }), wordsAlone);
    const withPhrases = this.#words.withPhrases(question.wordings);
    const unwanted = new Set(
      without.flatMap((text) => {
        const { threshold } = this.#collection.calibration[kindOfQuery(this.#meant(text))];
        const hits = this.#words.hits([wordingOf(text, rank)], [1], wordsAlone);
        return [...hits].filter(([, relevance]) => relevance >= fround(threshold)).map(([number]) => number);
      }),
    );
    const passes = question.allowed;
    question.allowed = (number) => passes(number) && (withPhrases?.has(number) ?? true) && !unwanted.has(number);
  }

  /** What no photo should be relevant to. */
  async #unwanted(without) {
    const texts = without.map((text) => this.#meant(text)).filter((text) => this.#encoder.knows(text));
    const { asked, said } = await this.#encoder.encode(texts);
    const alone = (place) => ({ asked: [asked[place]], said: [said[place]] });
    return texts.map((text, place) => soughtOf(alone(place), [1], kindOfQuery(text)));
  }

  /** A page of the photos by what is asked for; `without` is the number of a photo that is left out. */
  #page(question, { k, offset, minRelevance, order, dedupe }, without) {
    const started = performance.now();
    const curve = this.#collection.calibration[question.kind];
    const threshold = fround(minRelevance ?? curve.threshold);
    const least = fround(minRelevance ?? Math.min(curve.threshold, curve.perhaps));
    let found = this.#ranking.ranked(question).filter(({ relevance }) => relevance >= least);
    if (dedupe) found = this.#firstOfEachGroup(found, without);
    if (without !== undefined) found = found.filter(({ number }) => number !== without);
    const relevant = this.#inOrder(found.filter(({ relevance }) => relevance >= threshold), order);
    const page = relevant.slice(offset, offset + k);
    const more = relevant.length > offset + k;
    const isLast = !more && (page.length > 0 || offset === 0);
    const perhaps = isLast ? found.filter(({ relevance }) => relevance < threshold).slice(0, k - page.length) : [];
    const results = (photos) => photos.map((each) => this.#result(question, each, dedupe));
    return {
      bundle: this.#collection.bundle,
      took_ms: Math.round((performance.now() - started) * 1_000) / 1_000,
      no_relevant_results: !relevant.length,
      next_offset: more ? offset + k : null,
      results: results(page),
      perhaps: results(perhaps),
    };
  }

  /** Ranked photos in an order that is asked for. */
  #inOrder(ranked, order = "relevance") {
    if (order === "relevance") return ranked;
    const byNumber = new Map(ranked.map((each) => [each.number, each]));
    return chronological([...byNumber.keys()], this.#collection.photos, order).map((number) => byNumber.get(number));
  }

  /** The first of each group of near-duplicates, but for that of the photo that is left out. */
  #firstOfEachGroup(ranked, without) {
    const { groups } = this.#collection;
    const seen = new Set([groups[without]]);
    return ranked.filter(({ number }) => !seen.has(groups[number]) && seen.add(groups[number]));
  }

  #result(question, { number, relevance }, dedupe) {
    const photo = this.#collection.photos[number];
    const byWords = question.hits.get(number) ?? 0;
    const match = byWords > Math.max(bySight(relevance, byWords), 0) ? bestMatch(photo, question.wordings) : undefined;
    return {
      id: photo.id,
      relevance: Number(relevance.toFixed(2)),
      caption: photo.captions[0].text,
      caption_kind: photo.captions[0].kind,
      matched: match ? match.text : this.#matched(question, number),
      matched_in: match ? MATCHED_IN[match.field] : "meaning",
      marks: match ? match.marks : [],
      url: photo.url,
      thumbnail_url: photo.thumbnail_url,
      preview_url: photo.preview_url,
      width: photo.width,
      height: photo.height,
      taken: photo.taken,
      placeholder: photo.placeholder,
      columns: photo.columns,
      ...(dedupe && { duplicates: this.#duplicates(question, number) }),
    };
  }

  /** The text of the view that explains the relevance, or "visual". */
  #matched({ sought }, number) {
    const { captions } = this.#collection.photos[number];
    const { weights } = this.#collection.calibration;
    const cosines = sought ? [...this.#vectors.cosines(number, sought.direction)] : weights.map(() => 0);
    const identical = cosines.slice(0, captions.length);
    if (Math.max(-1, ...identical) >= IDENTICAL_FROM) return captions[best(identical)].text || VISUAL;
    return captions[best(cosines.map((cosine, view) => weights[view] * cosine))]?.text || VISUAL;
  }

  /** How many near-duplicates of a photo could have been answered in its place. */
  #duplicates({ sought, allowed }, number) {
    const { groups } = this.#collection;
    const could = (other) => allowed(other) && (!sought || this.#ranking.wanted(sought, other, true));
    return groups.filter((group, other) => group === groups[number] && other !== number && could(other)).length;
  }

  /** A query as it is understood: two that are the same here have the same answer. */
  canonical(text) {
    const clean = normalise(text);
    return this.#encoder.ignoresCase ? clean.toLowerCase() : clean;
  }

  /** A query in the form that is encoded. */
  #meant(text) {
    return this.canonical(unquoted(text)) || this.canonical(text);
  }
}

/** How much each text counts, of a sum of 1. */
function sharesOf({ texts, weights }) {
  const counts = weights.length ? weights : texts.map(() => 1);
  const sum = counts.reduce((one, other) => one + other, 0);
  return counts.map((weight) => weight / sum);
}

const wordCount = (text) => text.split(/\s+/u).filter(Boolean).length;

/** The place of the greatest of some numbers, of several the first. */
function best(numbers) {
  return numbers.indexOf(Math.max(...numbers));
}
