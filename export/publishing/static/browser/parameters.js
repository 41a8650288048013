/** Parameters: what a question's address says, checked as handler/web and handler/search check it. */

import { casefold, normalise } from "./texts.js";

const MAX_QUERY_LENGTH = 512;
const MAX_TEXTS = 8;
const LEAST_WEIGHT = Number.MIN_VALUE;
const MAX_WEIGHT = 100;
const MAX_K = 100;
const MAX_OFFSET = 100_000_000;
/** By when photos were taken. */
export const BY_DATE = ["newest", "oldest"];
const MODES = ["all", "words", "meaning"];
const SEVERAL = ["q", "weight", "not", "folder", "orientation", "type", "where"];
const WHOLE = /^-?\d{1,9}$/;
const NUMBER = /^-?(\d{1,9}(\.\d*)?|\.\d+)(e[-+]?\d{1,3})?$/i;

/** A question that can't be answered: a problem of the interface (handler/README.md). */
export class Refusal extends Error {
  constructor(detail, parameter, name = "invalid-parameter", status = 400) {
    super(detail);
    this.status = status;
    this.body = { type: `urn:thinlens:problem:${name}`, title: name, status, detail, ...(parameter && { parameter }) };
  }
}

/**
 * @param {URLSearchParams} given
 * @param {string[]} possible The names of those that there are.
 * @param {string[]} orders What may be asked to come first.
 */
export function readParameters(given, possible, orders = ["relevance", ...BY_DATE]) {
  for (const name of given.keys()) {
    if (!possible.includes(name)) {
      const detail = `Unknown parameter '${name}' (expected ${possible.join(", ") || "none"})`;
      throw new Refusal(detail, name, "unknown-parameter");
    }
    if (!SEVERAL.includes(name) && given.getAll(name).length > 1) {
      throw new Refusal(`${name} is given more than once`, name, "repeated-parameter");
    }
  }
  const parameters = {
    texts: given.getAll("q"),
    weights: given.getAll("weight").map((value) => numberOf("weight", value, LEAST_WEIGHT, MAX_WEIGHT)),
    without: given.getAll("not"),
    mode: oneOf("mode", given.get("mode") ?? "all", MODES),
    k: numberOf("k", given.get("k") ?? "10", 1, MAX_K, WHOLE),
    offset: numberOf("offset", given.get("offset") ?? "0", 0, MAX_OFFSET, WHOLE),
    order: given.has("order") ? oneOf("order", given.get("order"), orders) : undefined,
    minRelevance: given.has("min_relevance") ? numberOf("min_relevance", given.get("min_relevance"), 0, 1) : undefined,
    dedupe: oneOf("dedupe", given.get("dedupe") ?? "false", ["false", "true"]) === "true",
  };
  checkTexts("q", parameters.texts);
  checkTexts("not", parameters.without);
  const { texts, weights } = parameters;
  if (weights.length && weights.length !== texts.length) {
    const detail = `weight is given ${weights.length} times (expected ${texts.length})`;
    throw new Refusal(detail, "weight", "contradictory-parameters");
  }
  const wanted = new Set(texts.map(folded));
  const both = parameters.without.find((text) => wanted.has(folded(text)));
  if (both) throw new Refusal(`Both q and not say '${both}'`, "not", "contradictory-parameters");
  return parameters;
}

const folded = (text) => casefold(normalise(text));

/** One of some values. */
export function oneOf(name, value, possible) {
  if (!possible.includes(value)) throw new Refusal(`${name} is '${value}' (expected ${possible.join(", ")})`, name);
  return value;
}

function numberOf(name, text, low, high, form = NUMBER) {
  const value = form.test(text) ? Number(text) : NaN;
  if (!(value >= low && value <= high)) throw new Refusal(`${name} is '${text}' (expected ${low} to ${high})`, name);
  return value;
}

function checkTexts(name, texts) {
  if (texts.length > MAX_TEXTS) {
    throw new Refusal(`${name} is given ${texts.length} times (expected at most ${MAX_TEXTS})`, name);
  }
  for (const text of texts) {
    const { length } = Array.from(text);
    if (length > MAX_QUERY_LENGTH) {
      throw new Refusal(`${name} has ${length} characters (expected at most ${MAX_QUERY_LENGTH})`, name);
    }
    if (!normalise(text)) throw new Refusal(`${name} is empty (expected a description of what the photo shows)`, name);
  }
}
