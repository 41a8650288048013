import assert from "node:assert/strict";
import { test } from "node:test";

import { excerpt, readWords } from "../../../handler/widget/src/words.js";

const TEXT = { matched: "HAND SOAP", matched_in: "text", marks: [[5, 9]] };

test("where words stand in the text of a photo", () => {
  assert.deepEqual(readWords(TEXT), { place: "text", text: "HAND SOAP", marks: [[5, 9]], column: undefined });
});

test("an answer that doesn't say where words stand is as ever", () => {
  assert.equal(readWords({ matched: "a dog on a beach" }), undefined);
  assert.equal(readWords({ matched: "a dog on a beach", matched_in: "meaning", marks: [] }), undefined);
  assert.equal(readWords({ matched: "visual", matched_in: "meaning" }), undefined);
  assert.equal(readWords({}), undefined);
  assert.equal(readWords({ matched: "", matched_in: "text" }), undefined);
  assert.equal(readWords({ matched: "a dog", matched_in: "constructor" }), undefined);
});

test("words of a caption are marked there", () => {
  const read = readWords({ matched: "my dog Milo", matched_in: "caption", marks: [[7, 11]] });
  assert.deepEqual([read.place, read.marks], ["caption", [[7, 11]]]);
});

test("marks are counted by characters, and JavaScript counts some of them as two", () => {
  const matched = "🧼🧼 SOAP 🧼 soap";
  const { text, marks } = readWords({ matched, matched_in: "text", marks: [[3, 7], [10, 14]] });
  const cut = excerpt(text, marks, 1, 5);
  assert.deepEqual([cut.text, cut.marks], ["… SOAP…", [[2, 6]]]);
});

test("the column is the one that says so", () => {
  const columns = { rating: 4, place: "Soap Street", keywords: ["tv", "soap"] };
  const column = (matched, ...others) =>
    readWords({ matched, matched_in: "column", columns: others.length ? others[0] : columns }).column;
  assert.equal(column("soap"), "keywords");
  assert.equal(column("Soap Street"), "place");
  assert.equal(column("4"), "rating");
  assert.equal(column("elsewhere"), undefined);
  assert.equal(column("soap", undefined), undefined);
  assert.equal(column("soap", null), undefined);
});

const cut = (text, word, before, after) => {
  const start = [...text.slice(0, text.indexOf(word))].length;
  const mark = text.includes(word) ? [[start, start + [...word].length]] : [];
  const { text: shown, marks } = excerpt(text, mark, before, after);
  return [shown, ...marks.map((mark) => [...shown].slice(...mark).join(""))];
};

test("a short text is shown as it is", () => {
  assert.deepEqual(cut("HAND SOAP", "SOAP", 12, 80), ["HAND SOAP", "SOAP"]);
  assert.deepEqual(cut("HAND SOAP", "", 12, 80), ["HAND SOAP", ""]);
});

test("of a long text so much is shown that the word is in sight, at whole words", () => {
  const text = "please wash your hands with the soap that stands beside the basin";
  assert.deepEqual(cut(text, "soap", 12, 20), ["… with the soap that stands…", "soap"]);
  assert.deepEqual(cut(text, "basin", 12, 20), ["… beside the basin", "basin"]);
  assert.deepEqual(cut(text, "please", 12, 20), ["please wash your…", "please"]);
  assert.deepEqual(cut(text, "absent", 12, 20), ["please wash your…"]);
});

test("where there are no spaces it is cut between characters, and never in the midst of one", () => {
  assert.deepEqual(cut("請用洗手液洗手後再離開房間", "洗手後", 2, 4), ["… 手液洗手後再…", "洗手後"]);
  for (let before = 1; before < 8; before++) {
    const [shown] = cut("🧼".repeat(9) + "soap" + "🧼".repeat(9), "soap", before, 4 + before);
    assert.ok(shown.isWellFormed(), shown);
    assert.match(shown, /soap/);
  }
});

test("ten thousand words are cut in no time", () => {
  const text = "word ".repeat(10_000) + "soap" + " word".repeat(10_000);
  assert.equal(cut(text, "soap", 12, 20)[1], "soap");
});

test("marks that are cut off are left out, and one that is cut ends there", () => {
  const { text, marks } = excerpt("soap and so on and soap", [[0, 4], [19, 23]], 12, 11);
  assert.deepEqual([text, marks], ["soap and so…", [[0, 4]]]);
  const long = excerpt("x".repeat(50), [[0, 50]], 5, 20);
  assert.deepEqual([long.text, long.marks], ["x".repeat(20) + "…", [[0, 20]]]);
});
