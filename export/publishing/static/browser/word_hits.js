/** Hits by words: in whose texts the words of a query stand, how relevant by that; as handler/search/word_hits.py. */

import { asTerms, fieldOf, FIELDS, photoOf, SAID } from "./words.js";

/** How surely a photo is meant by a word that stands in one of its texts. */
export const SURE = { edited: 1, column: 0.95, name: 0.9, text: 0.9, caption: 0.4 };
/** A word of less weight isn't looked up beside others, or in what captioners say. */
const TELLING = 0.25;
const RARE = 0.5;
/** A word that stands in more texts of people's, or of captioners', tells too little. */
const MOST_ROWS = 1 << 14;
const MOST_SAID = 1 << 10;
const STEPS = 20;
const LEAST = 0.2;

const { fround } = Math;

export class WordSearch {
  #words;
  #count;

  /** @param {import("./words.js").Words} words Those of so many photos. */
  constructor(words, photos) {
    this.#words = words;
    this.#count = Math.max(2, photos);
  }

  /**
   * The photos by the words of texts that should all fit, and the relevance of each, a multiple of a twentieth.
   * @param {import("./query_words.js").Wording[]} wordings
   * @param {number[]} shares How much each counts, of a sum of 1.
   * @param {boolean} wordsAlone Whether nothing else finds photos, so that every word is looked up everywhere.
   * @returns {Map<number, number>}
   */
  hits(wordings, shares, wordsAlone) {
    const sums = new Map();
    wordings.forEach((wording, place) => {
      for (const [number, relevance] of this.#hits(wording, wordsAlone)) {
        sums.set(number, fround((sums.get(number) ?? 0) + fround(fround(shares[place]) * relevance)));
      }
    });
    const hits = new Map();
    for (const [number, sum] of sums) {
      const steps = Math.floor(fround(fround(sum * STEPS) + fround(1e-4)));
      if (steps >= LEAST * STEPS) hits.set(number, fround(steps / STEPS));
    }
    return hits;
  }

  /** The photos that have all phrases in quotation marks in some text; undefined where there is none. */
  withPhrases(wordings) {
    const quoted = wordings.flatMap((wording) => wording.quoted);
    if (!quoted.length) return undefined;
    const having = quoted.map((phrase) => {
      const rows = [...this.#words.find(phrase), ...this.#words.find(asTerms(phrase, "caption"))];
      return new Set(rows.map(photoOf));
    });
    return new Set([...having[0]].filter((number) => having.every((photos) => photos.has(number))));
  }

  /** The photos by the words of one text, with relevances that aren't rounded. */
  #hits(wording, wordsAlone) {
    const found = this.#found(wording, wordsAlone);
    const weights = new Map(Array.from(found, ([unit, rows]) => [unit, this.#weight(unit, rows)]));
    const all = fround([...weights.values()].reduce((sum, weight) => sum + weight, 0));
    const known = new Map();
    for (const [unit, rows] of found) {
      const weight = fround(weights.get(unit));
      for (const [number, surest] of surestOf(rows)) {
        const { share, sure } = known.get(number) ?? { share: 0, sure: 0 };
        known.set(number, { share: fround(share + weight), sure: fround(sure + fround(weight * surest)) });
      }
    }
    const inOrder = new Set(this.#inOrder(wording, found).map(photoOf));
    return Array.from(known, ([number, { share, sure }]) => {
      const relevance = fround(fround(sure / share) * fround(fround(share / all) ** 2));
      return [number, inOrder.has(number) ? fround((1 + relevance) / 2) : relevance];
    });
  }

  /** Where each unit stands that is looked up and doesn't stand nearly everywhere, if it stands anywhere. */
  #found(wording, wordsAlone) {
    const telling = wording.units.filter((unit) => wordsAlone || unit.weight >= TELLING);
    const units = telling.length ? telling : wording.units;
    const lookUp = (most) => units.map((unit) => this.#words.find(unit.phrase, most));
    let byPeople = lookUp(wordsAlone ? Infinity : MOST_ROWS);
    if (!byPeople.some(Boolean)) byPeople = lookUp(Infinity);
    const found = new Map(units.map((unit, place) => [unit, byPeople[place]]).filter(([, rows]) => rows));
    for (const unit of units.filter(({ weight }) => wordsAlone || weight >= RARE)) {
      const said = this.#words.find(asTerms(unit.phrase, "caption"), wordsAlone ? Infinity : MOST_SAID);
      if (said) found.set(unit, [...(found.get(unit) ?? []), ...said]);
    }
    return found;
  }

  /** What a unit tells: less than in the language at large where many photos of this collection have it. */
  #weight(unit, rows) {
    if (!rows.length) return unit.weight;
    const ofCollection = Math.log(this.#count / Math.min(rows.length, this.#count - 1)) / Math.log(this.#count);
    return Math.max(1e-3, Math.min(unit.weight, ofCollection));
  }

  /** Where all words follow each other in one text as asked; told only of words all of which were looked up. */
  #inOrder(wording, found) {
    if (wording.whole.length < 2 || wording.units.some((unit) => !found.get(unit)?.length)) return [];
    const wereSaid = [...found.values()].every((rows) => rows.some((row) => fieldOf(row) === SAID));
    const said = wereSaid ? this.#words.find(asTerms(wording.whole, "caption")) : [];
    return [...this.#words.find(wording.whole), ...said];
  }
}

/** For each photo of some rows, how sure the surest of its fields is. */
function surestOf(rows) {
  const surest = new Map();
  for (const row of rows) {
    const sure = fround(SURE[FIELDS[fieldOf(row)]]);
    surest.set(photoOf(row), Math.max(sure, surest.get(photoOf(row)) ?? 0));
  }
  return surest;
}
