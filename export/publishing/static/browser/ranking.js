/** The ranking: photos in the order in which they answer; as handler/search/ranking.py and blending.py. */

import { relevanceOf } from "./relevance.js";
import { dot } from "./vectors.js";

/** A caption that is the query itself is looked for among so many photos that the fused vectors put first. */
const IDENTITY_DEPTH = 128;
const STEPS = 20;

const { fround } = Math;

/**
 * @typedef {object} Sought What photos are ranked by.
 * @property {Float32Array[]} texts Unit vectors, as captions; a caption is the query's own if it is close to each of them.
 * @property {Float32Array} direction Their weighted mean as queries.
 * @property {"name" | "phrase" | "sentence"} kind What the curve of relevance depends on.
 * @property {Sought[]} without What no photo should be relevant to.
 *
 * @typedef {object} Question
 * @property {"name" | "phrase" | "sentence"} kind
 * @property {Sought | undefined} sought What photos should show; undefined where only words count.
 * @property {Map<number, number>} hits The relevances by words of the photos in whose texts some stand.
 * @property {(number: number) => boolean} allowed Which photos may be answered.
 * @property {import("./query_words.js").Wording[]} wordings The words.
 *
 * @typedef {{number: number, relevance: number}[]} Ranked Photos by their numbers, the most relevant first.
 */

export class Ranking {
  #vectors;
  #calibration;
  #captionViews;
  #photos;

  /** @param {import("./vectors.js").Vectors} vectors @param {object} collection What the photos' file says. */
  constructor(vectors, { calibration, views, photos }) {
    this.#vectors = vectors;
    this.#calibration = calibration;
    this.#captionViews = views.filter((kind) => kind === "caption").length;
    this.#photos = photos.length;
  }

  /**
   * All photos that answer a question: by relevance, then by that by words, then by score, then by number.
   *
   * What a photo shows and the words in its texts are evidence of their own: 1 - (1 - by sight)(1 - by words).
   * @param {Question} question
   * @returns {Ranked}
   */
  ranked({ sought, hits, allowed }) {
    const parts = [];
    for (let step = STEPS; step > 0; step--) {
      const byWords = fround(step / STEPS);
      const these = (number) => allowed(number) && hits.get(number) === byWords;
      if (![...hits.keys()].some(these)) continue;
      const absent = fround(1 - step / STEPS);
      const either = (relevance) => fround(1 - fround(absent * fround(1 - relevance)));
      if (!sought) parts.push(this.#numbers(these).map((number) => ({ number, relevance: byWords })));
      else {
        const seen = this.#bySight(sought, these);
        parts.push(seen.map(({ number, relevance }) => ({ number, relevance: either(relevance) })));
      }
    }
    if (sought) parts.push(this.#bySight(sought, (number) => allowed(number) && !hits.has(number)));
    return inOrder(parts.flat());
  }

  /** Whether a photo is relevant to nothing that is to be left out, by its score and, if they count, its captions. */
  wanted({ without }, number, captionsCount) {
    return without.every((unwanted) => {
      const curve = this.#calibration[unwanted.kind];
      const cosine = captionsCount ? this.#closest(number, unwanted.texts) : -1;
      return relevanceOf(curve, this.#scores(unwanted)[number], cosine) < fround(curve.threshold);
    });
  }

  /** @returns {Ranked} Some photos by what they show. */
  #bySight(sought, allowed) {
    const curve = this.#calibration[sought.kind];
    const scores = this.#scores(sought);
    const byScore = this.#numbers(allowed).sort((one, other) => scores[other] - scores[one] || one - other);
    const relevances = (numbers, cosine) =>
      numbers.map((number) => ({ number, relevance: relevanceOf(curve, scores[number], cosine(number)) }));
    const head = byScore.slice(0, IDENTITY_DEPTH).filter((number) => this.wanted(sought, number, true));
    const others = byScore.slice(IDENTITY_DEPTH).filter((number) => this.wanted(sought, number, false));
    const compared = relevances(head, (number) => this.#closest(number, sought.texts));
    return [...inOrder(compared), ...relevances(others, () => -1)];
  }

  #numbers(allowed) {
    return Array.from({ length: this.#photos }, (_, number) => number).filter(allowed);
  }

  /** The scores of all photos, computed once for what is sought. */
  #scores(sought) {
    sought.scores ??= this.#vectors.scores(sought.direction);
    return sought.scores;
  }

  /** The cosine of the text to which none of a photo's captions is closer. */
  #closest(number, texts) {
    const closest = (text) => Math.max(-1, ...this.#vectors.cosines(number, text).subarray(0, this.#captionViews));
    return Math.min(...texts.map(closest));
  }
}

/** What is left of a blended relevance without the words; 0 where words are sure. */
export function bySight(relevance, byWords) {
  const absent = fround(1 - byWords);
  return absent > 0 ? fround(1 - fround(fround(1 - relevance) / Math.max(absent, fround(1e-6)))) : 0;
}

/** Texts as encoder.js encodes them, and how much each counts of a sum of 1, as what is sought. */
export function soughtOf({ asked, said }, shares, kind, without = []) {
  const direction = asked[0].map((_, place) => dot(shares.map(fround), asked.map((text) => text[place])));
  return { texts: said, direction, kind, without };
}

/** The most relevant first, others in the order that they have. */
function inOrder(ranked) {
  return ranked.sort((one, other) => other.relevance - one.relevance);
}
