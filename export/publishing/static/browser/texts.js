/** Texts: the one way in which queries are cleaned before they are encoded; as handler/bundle/texts.py. */

/**
 * A query in the form that is encoded: compatibility characters unified, invisible ones dropped, white space collapsed.
 * Example: "A\u00a0dog\tin\u200b the \ufb01eld" -> "A dog in the field"
 */
export function normalise(text) {
  const unified = text.normalize("NFKC").replace(/\p{Cf}/gu, "").replace(/\p{C}/gu, " ");
  return unified.split(/\s+/u).filter(Boolean).join(" ");
}

/**
 * A text in which upper and lower case are one. JavaScript has no case folding; the way over capitals unites what
 * small letters alone leave apart, "ß" and "ss". The dotless "ı" would become "i" by it.
 */
export function casefold(text) {
  return text.split("ı").map((part) => part.toLowerCase().toUpperCase().toLowerCase()).join("ı");
}
