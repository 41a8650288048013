import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const browser = new URL("../../../../../export/publishing/static/browser/", import.meta.url);
const { nameTokens, tokens } = await import(new URL("tokens.js", browser));
const { normalise } = await import(new URL("texts.js", browser));
const { WordPieces } = await import(new URL("word_pieces.js", browser));
const { corrected } = await import(new URL("spelling.js", browser));

/** What Python finds of the same texts: test_tokens.py writes it. */
const expected = JSON.parse(readFileSync(0, "utf-8"));
const listed = (found) => found.map(({ text, start, end }) => [text, start, end]);
const pieces = new WordPieces(JSON.parse(readFileSync(expected.tokenizer, "utf-8")), expected.most_tokens);

/** The first few texts of which something else is found, with both. */
function different(texts, find, others) {
  const found = texts.map((text, place) => [text, JSON.stringify(find(text)), JSON.stringify(others[place])]);
  return found.filter(([, mine, other]) => mine !== other).slice(0, 12);
}

test("texts are cleaned as the handler cleans them", () => {
  assert.deepEqual(different(expected.texts, normalise, expected.normalised), []);
});

test("words are the handler's, and stand where they stand there", () => {
  assert.deepEqual(different(expected.texts, (text) => listed(tokens(text)), expected.tokens), []);
  assert.deepEqual(different(expected.texts, (text) => listed(nameTokens(text)), expected.name_tokens), []);
});

test("pieces are the tokenizer's", () => {
  assert.deepEqual(different(expected.old_texts, (text) => pieces.encode(text), expected.pieces), []);
  assert.deepEqual(different(expected.old_texts, (text) => pieces.knows(text), expected.known), []);
});

test("words are spelt as the handler spells them", () => {
  assert.deepEqual(different(expected.misspelt, (text) => corrected(text, pieces) ?? null, expected.corrected), []);
});
