/** Languages: which one a page asks for, and whether it is spoken here. Knows nothing of what is said in it. */

/** Each in a file of its own, `languages/<language>.json`. */
const LANGUAGES = "en de es fr ja nl pt zh".split(" ");

/**
 * @param {string} tag As in `lang`.
 * @returns {string | undefined} The language in which it is spoken to: "de-AT" -> "de". None for what is no tag, for
 *   languages not spoken here, and for another script than ours: "zh-TW" is traditional characters, "zh" simplified.
 */
export function spoken(tag) {
  try {
    const { language, script } = new Intl.Locale(tag).maximize();
    return LANGUAGES.find((known) => known === language && new Intl.Locale(known).maximize().script === script);
  } catch {
    return undefined;
  }
}

/** The first of the tags that is spoken here; English if none is. */
export function preferred(tags) {
  return tags.find(spoken) ?? "en";
}

/** What the element's own `lang` says, or that of the closest ancestor with one; "" where nothing says any. */
export function tagAround(element) {
  const said = element.closest("[lang]");
  const { host } = element.getRootNode();
  return said ? said.lang : host ? tagAround(host) : "";
}
