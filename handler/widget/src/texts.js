/** The texts that a reader sees, in English, and how a host page puts its own in their place. */

export const ENGLISH = {
  label: "Search photos by description",
  placeholder: "Describe a photo",
  clear: "Clear",
  askPicture: "Search with a picture",
  askedPicture: "Picture: {name}",
  leavePicture: "Remove the picture",
  placeholderPicture: "Add words, if you like",
  dropPicture: "Drop a picture to find photos like it",
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
  similarTo: "Photos like “{caption}”",
  leaveSimilar: "Leave photos like this",
  empty: "Nothing relevant found",
  emptyDetail: "No photo here seems to show “{query}”.",
  emptySimilar: "No other photo here is like this one.",
  emptyUnknown: "No word of “{query}” is known to this search.",
  closestAnyway: "Show the closest anyway",
  offline: "You are offline",
  offlineDetail: "The search goes on as soon as there is a connection.",
  failed: "That did not work",
  unreachable: "There was no answer.",
  slow: "The answer took too long.",
  unreadable: "The answer could not be read.",
  refused: "The server said: {detail}",
  retry: "Try again",
  missing: "Picture not available",
  byCaption: "Found by its caption",
  byLook: "Found by how it looks",
  close: "Close",
  previous: "Previous photo",
  next: "Next photo",
  position: "{position} of {count}",
  open: "Open the photo",
};

/**
 * Makes the function that says a text.
 * @param {string | null} overrides The host's texts as a JSON object, by the names above; what is no text is ignored.
 * @param {string} language As in `lang`; numbers are written and counted by its rules.
 * @returns {(name: string, values?: Record<string, string | number>) => string} With each `{value}` filled in;
 *   a `count` chooses between `name.one`, `name.other` and whatever other plurals the language has.
 */
export function speaker(overrides, language) {
  const texts = { ...ENGLISH, ...read(overrides) };
  const locale = knownLocale(language);
  const plurals = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  const relevances = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

  return (name, values = {}) => {
    const text = texts[name] ?? texts[`${name}.${plurals.select(values.count)}`] ?? texts[`${name}.other`];
    return text.replace(/\{(\w+)\}/g, (whole, key) => {
      const value = values[key];
      if (typeof value !== "number") return value ?? whole;
      return (key === "relevance" ? relevances : numbers).format(value);
    });
  };
}

function read(overrides) {
  let given;
  try {
    given = JSON.parse(overrides ?? "{}");
  } catch {
    console.warn("thinlens-search: the attribute texts is not JSON, so English is spoken");
  }
  return Object.fromEntries(Object.entries(given ?? {}).filter(([, text]) => typeof text === "string"));
}

function knownLocale(language) {
  try {
    return Intl.getCanonicalLocales(language || undefined)[0];
  } catch {
    return undefined;
  }
}
