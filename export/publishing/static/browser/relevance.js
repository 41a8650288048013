/** Relevance: how a photo's score becomes a number from 0.00 to 1.00; as handler/bundle/relevance.py. */

// A caption that is the query itself has a cosine of 1; int8 rounding takes up to half a hundredth.
export const IDENTICAL_FROM = 0.95;
const IDENTICAL_AT = 0.995;
const LONGEST_PHRASE = 3;
const ARTICLES = new Set(["a", "an", "the"]);

const { fround } = Math;

/** What is asked with, by its words but for articles: one is a name, two or three are a phrase. */
export function kindOfQuery(text) {
  const words = text.toLowerCase().split(/\s+/u).filter((word) => word && !ARTICLES.has(word));
  if (words.length <= 1) return "name";
  return words.length <= LONGEST_PHRASE ? "phrase" : "sentence";
}

/**
 * @param {{slope: number, intercept: number, knot: number, bend: number}} curve
 * @param {number} score The inner product of the query with the photo's fused vector.
 * @param {number} cosine That of the query with the photo's closest caption; -1 where it doesn't count.
 * @returns {number} 0 to 1.
 */
export function relevanceOf(curve, score, cosine) {
  const beyond = fround(Math.max(fround(score - fround(curve.knot)), 0));
  const rising = fround(fround(fround(curve.slope) * score) + fround(fround(curve.bend) * beyond));
  const logit = Math.min(Math.max(fround(rising + fround(curve.intercept)), -60), 60);
  const identity = fround(cosine - fround(IDENTICAL_FROM)) / fround(IDENTICAL_AT - IDENTICAL_FROM);
  // Rounded as the function rounds it, so that what is equal there is equal here.
  return Math.max(fround(1 / fround(1 + fround(Math.exp(-logit)))), fround(Math.min(Math.max(identity, 0), 1)));
}
