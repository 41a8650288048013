/** The texts that a reader sees or hears: fetched in the language of the page, and put together with a host page's own. */

import { spoken } from "./languages.js";

/** Texts by language (languages/<language>.json), as far as an element of this page has asked for them. */
const TEXTS = new Map();

/**
 * The texts of a page's language, or the English ones where it isn't spoken here, or its own can't be had.
 * @returns {Promise<{tag: string, texts: object}>} With the language in which they are.
 */
export async function textsOf(tag, client, signal) {
  const wanted = spoken(tag);
  for (const language of [wanted ?? "en", "en"]) {
    try {
      if (!TEXTS.has(language)) TEXTS.set(language, await client.texts(language, signal));
      return { tag: language === wanted ? tag : language, texts: TEXTS.get(language) };
    } catch (error) {
      if (!signal.aborted) console.warn(error);
    }
  }
  return { tag: "en", texts: {} };
}

/**
 * Makes the function that says a text.
 * @param {string | null} overrides The host's texts as a JSON object, by their names; what is no text is ignored.
 * @param {string} tag The language of the page around, as in `lang`: that of the host's texts.
 * @param {{tag: string, texts: object}} known What is said otherwise, and in which language.
 * @returns {(name: string, values?: Record<string, string | number>) => string} With each `{value}` filled in;
 *   a `count` chooses between `name.one`, `name.other` and whatever other plurals the language has. Where nothing is
 *   known, the value `otherwise` has to do, or else the words of the name: "{date}" says a date alone.
 */
export function speaker(overrides, tag, known) {
  const voices = [voice(given(overrides), tag), voice(onlyTexts(known.texts), known.tag)];
  // Numbers are written in one way, whoever says what stands around them.
  const { locale } = voices.find(({ texts }) => Object.keys(texts).length) ?? voices[1];
  const numbers = new Intl.NumberFormat(locale);
  const relevances = new Intl.NumberFormat(locale, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  // By the lengths of dates: of a year, of a month, of a day. To make one takes longer than all else of a tile.
  const dates = [];
  const dated = (date) => {
    const [year, month, day] = date.split("-").map(Number);
    const parts = { year: "numeric", month: month && "long", day: day && "numeric", timeZone: "UTC" };
    dates[date.length] ??= new Intl.DateTimeFormat(locale, parts);
    return dates[date.length].format(Date.UTC(year, (month || 1) - 1, day || 1));
  };

  return (name, values = {}) => {
    const text = voices.reduce((found, { say }) => found ?? say(name, values.count), undefined);
    if (text === undefined && values.otherwise !== undefined) return values.otherwise;
    return (text ?? name.replace(/[A-Z]/g, " $&").toLowerCase()).replace(/\{(\w+)\}/g, (whole, key) => {
      const value = values[key];
      if (key === "date") return dated(value);
      if (typeof value !== "number") return value ?? whole;
      return (key === "relevance" ? relevances : numbers).format(value);
    });
  };
}

/** Texts of one language, counted by its rules; what they lack is undefined. */
function voice(texts, tag) {
  const locale = knownLocale(tag);
  const plurals = new Intl.PluralRules(locale);
  const say = (name, count) => texts[name] ?? texts[`${name}.${plurals.select(count)}`] ?? texts[`${name}.other`];
  return { texts, locale, say };
}

function given(overrides) {
  try {
    return onlyTexts(JSON.parse(overrides ?? "{}"));
  } catch (error) {
    console.warn(error);
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
