/** The texts that a reader sees or hears, in English, and how those of other languages and of a host page go before. */

import { spoken } from "./languages.js";

export const ENGLISH = {
  label: "Search photos by description",
  placeholder: "Describe a photo",
  clear: "Clear",
  askPicture: "Search with a picture",
  askedPicture: "Picture: {name}",
  leavePicture: "Remove the picture",
  placeholderPicture: "Add words, if you like",
  dropPicture: "Drop a picture to search with it",
  notPicture: "That is not a picture",
  notPictureDetail: "“{name}” can't be read as a picture here.",
  emptyPicture: "No photo here is like this picture.",
  perhapsPicture: "It is not sure that any of them is like this picture.",
  suggestions: "Try",
  grid: "Photos, most relevant first",
  keys: "The arrow keys move between photos.",
  "count.one": "{count} photo",
  "count.other": "{count} photos",
  countPerhaps: "{sure}, and {count} perhaps",
  "duplicates.one": "{count} near-duplicate",
  "duplicates.other": "{count} near-duplicates",
  alike: "+{count}",
  more: "Show more",
  closest: "Show less relevant photos",
  relevance: "Relevance {relevance}",
  number: "{relevance}",
  perhaps: "Perhaps",
  perhapsThese: "Perhaps one of these",
  perhapsDetail: "It is not sure that any of them shows “{query}”.",
  correctedTo: "Another spelling",
  correctedDetail: "These are photos of “{query}”.",
  perhapsSimilar: "It is not sure that any of them is like this one.",
  similar: "More like this",
  similarOf: "More like this: {caption}",
  similarTo: "Photos like “{caption}”",
  leaveSimilar: "Leave photos like this",
  empty: "Nothing relevant found",
  emptyDetail: "No photo here seems to show “{query}”.",
  emptySimilar: "No other photo here is like this one.",
  emptyUnknown: "No word of “{query}” is known to this search.",
  unpublished: "No photos yet",
  unpublishedDetail: "Whoever runs this search publishes them: {command}",
  closestAnyway: "Show the closest anyway",
  offline: "You are offline",
  offlineDetail: "The search goes on as soon as there is a connection.",
  failed: "That did not work",
  unreachable: "There was no answer.",
  slow: "The answer took too long.",
  unreadable: "The answer could not be read.",
  refused: "The server said: {detail}",
  gone: "There is no such photo here.",
  changed: "The collection has changed in the meantime.",
  away: "The collection cannot be read at the moment.",
  closed: "You have no access to this search.",
  mistake: "Something went wrong on the server.",
  unfit: "This text cannot be searched for. It may have up to {limit} characters.",
  retry: "Try again",
  missing: "Picture not available",
  byCaption: "Found by its caption",
  byLook: "Found by how it looks",
  inText: "Text in the photo: {words}",
  inName: "File name: {words}",
  inKeyword: "Keyword: {words}",
  inTitle: "Title: {words}",
  inDescription: "Description: {words}",
  inColumn: "{column}: {words}",
  close: "Close",
  previous: "Previous photo",
  next: "Next photo",
  position: "{position} of {count}",
  open: "Open the photo",
  /** Between what a screen reader says in one breath. */
  pause: ". ",
};

/**
 * Makes the function that says a text.
 * @param {string | null} overrides The host's texts as a JSON object, by the names above; what is no text is ignored.
 * @param {string} tag The language of the page around, as in `lang`.
 * @param {object} [texts] The texts of that language, by the names above, where it is spoken here.
 * @returns {(name: string, values?: Record<string, string | number>) => string} With each `{value}` filled in;
 *   a `count` chooses between `name.one`, `name.other` and whatever other plurals the language has.
 */
export function speaker(overrides, tag, texts = {}) {
  const locale = knownLocale(tag);
  const voices = [
    voice(given(overrides), locale),
    voice(onlyTexts(texts), locale),
    voice(ENGLISH, spoken(tag) === "en" ? locale : "en"),
  ].filter(({ texts }) => Object.keys(texts).length);
  // Numbers are written in one way, whoever says what stands around them.
  const first = voices[0].locale;
  const numbers = new Intl.NumberFormat(first);
  const relevances = new Intl.NumberFormat(first, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

  return (name, values = {}) => {
    const text = voices.reduce((found, { say }) => found ?? say(name, values.count), undefined);
    return text.replace(/\{(\w+)\}/g, (whole, key) => {
      const value = values[key];
      if (typeof value !== "number") return value ?? whole;
      return (key === "relevance" ? relevances : numbers).format(value);
    });
  };
}

/** Texts of one language, counted by its rules; what they lack is undefined. */
function voice(texts, locale) {
  const plurals = new Intl.PluralRules(locale);
  const say = (name, count) => texts[name] ?? texts[`${name}.${plurals.select(count)}`] ?? texts[`${name}.other`];
  return { texts, locale, say };
}

function given(overrides) {
  try {
    return onlyTexts(JSON.parse(overrides ?? "{}"));
  } catch {
    console.warn("thinlens-search: the attribute texts is not JSON, so it is left out");
    return {};
  }
}

function onlyTexts(some) {
  return Object.fromEntries(Object.entries(some ?? {}).filter(([, text]) => typeof text === "string"));
}

function knownLocale(tag) {
  try {
    return Intl.getCanonicalLocales(tag || "en")[0];
  } catch {
    return "en";
  }
}
