/** Matching: which text of a photo explains that words found it, and where they stand; as handler/search/matching.py. */

import { SURE } from "./word_hits.js";
import { fieldTexts } from "./words.js";

/**
 * The text of a photo in which most of a question's words stand, by what they tell and how sure the field is.
 * @param {object} photo
 * @param {import("./query_words.js").Wording[]} wordings
 * @returns {{field: string, text: string, marks: [number, number][]} | undefined}
 */
export function bestMatch(photo, wordings) {
  const units = new Map(wordings.flatMap(({ units: some }) => some.map((unit) => [unit.phrase.join(" "), unit])));
  let best;
  let most = 0;
  for (const { field, text, tokens } of fieldTexts(photo)) {
    const places = Array.from(units.values(), (unit) => ({ weight: unit.weight, marks: placesOf(unit.phrase, tokens) }));
    const stands = places.filter(({ marks }) => marks.length);
    const worth = SURE[field] * stands.reduce((sum, { weight }) => sum + weight, 0);
    if (worth > most) {
      best = { field, text, marks: joined(stands.flatMap(({ marks }) => marks)) };
      most = worth;
    }
  }
  return best;
}

/** Where the terms of a phrase follow each other. */
function placesOf(phrase, tokens) {
  const starts = tokens.filter((_, place) => phrase.every((term, next) => tokens[place + next]?.text === term));
  return starts.map((token) => [token.start, tokens[tokens.indexOf(token) + phrase.length - 1].end]);
}

/** Marks in their order, those that overlap as one. */
function joined(marks) {
  const found = [];
  for (const [start, end] of marks.sort(([start, end], [other, otherEnd]) => start - other || end - otherEnd)) {
    if (found.length && start < found.at(-1)[1]) found.at(-1)[1] = Math.max(end, found.at(-1)[1]);
    else found.push([start, end]);
  }
  return found;
}
