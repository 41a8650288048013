/** Spelling: the known word that is closest to one that nobody knows; as handler/search/spelling.py. */

const SHORTEST = 4;
const LONG = 6;
const WORD = /[\p{L}\p{Nl}\p{No}]+/gu;

/**
 * The text with the closest known word in the place of each unknown one; undefined where there is nothing to correct.
 * Example: "an elefant" -> "an elephant"
 * @param {string} text In the encoder's canonical form.
 * @param {{rank: (word: string) => number | undefined, words: string[]}} encoder Knows words, the usual ones first.
 */
export function corrected(text, encoder) {
  const spelt = text.replace(WORD, (word) =>
    lettersOf(word).length < SHORTEST || encoder.rank(word) !== undefined ? word : (closestWord(word, encoder.words) ?? word),
  );
  return spelt === text ? undefined : spelt;
}

/** The first of the known words that are closest, if that is close enough; one that sounds the same is meant first. */
function closestWord(word, known) {
  const letters = lettersOf(word);
  const most = letters.length < LONG ? 1 : 2;
  const sound = soundOf(word);
  let best;
  let least = Infinity;
  for (const other of known) {
    const others = lettersOf(other);
    if (others.length < SHORTEST || Math.abs(others.length - letters.length) > most) continue;
    const distance = distanceOf(letters, others);
    if (distance > most) continue;
    const order = (soundOf(other) === sound ? 0 : most + 1) + distance;
    if (order < least) [best, least] = [other, order];
  }
  return best;
}

const lettersOf = (word) => Array.from(word);

/** A word without what is spelt in two ways and heard in one; "giraffe" -> "girafe", "elephant" -> "elefant". */
function soundOf(word) {
  return word.replaceAll("ph", "f").replaceAll("ck", "k").replace(/(.)\1/gu, "$1");
}

/** The edit distance of two words, where two neighbours that change places are one edit. */
function distanceOf(word, other) {
  let before;
  let above = Array.from({ length: other.length + 1 }, (_, column) => column);
  word.forEach((letter, place) => {
    const row = [place + 1];
    other.forEach((otherLetter, column) => {
      const changed = above[column] + (letter === otherLetter ? 0 : 1);
      let edits = Math.min(above[column + 1] + 1, row[column] + 1, changed);
      const swapped = place > 0 && column > 0 && other[column - 1] === letter && otherLetter === word[place - 1];
      if (swapped) edits = Math.min(edits, before[column - 1] + 1);
      row.push(edits);
    });
    [before, above] = [above, row];
  });
  return above.at(-1);
}
