import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { spoken } from "../../../handler/widget/src/languages.js";
import { speaker as speakerOf, textsOf } from "../../../handler/widget/src/texts.js";

const ENGLISH = JSON.parse(readFileSync(new URL("../../../handler/widget/languages/en.json", import.meta.url), "utf8"));
const { signal } = new AbortController();

/** Who speaks these texts where the language is spoken here, and English otherwise. */
function speaker(overrides, tag, texts = ENGLISH) {
  return speakerOf(overrides, tag, { tag: spoken(tag) ? tag : "en", texts });
}

test("English is spoken where nothing else is said", () => {
  const say = speaker(null, "en");
  assert.equal(say("empty"), "Nothing relevant found");
  assert.equal(say("emptyDetail", { query: "a dog" }), "No photo here seems to show “a dog”.");
  assert.equal(say("relevance", { relevance: 0.7 }), "Relevance 0.70");
});

test("one and many are told apart", () => {
  const say = speaker(null, "en");
  assert.deepEqual([0, 1, 2, 1234].map((count) => say("count", { count })), [
    "0 photos",
    "1 photo",
    "2 photos",
    "1,234 photos",
  ]);
});

test("a host's texts go before, in the plurals and numbers of its language", () => {
  const texts = {
    "count.one": "{count} zdjęcie",
    "count.few": "{count} zdjęcia",
    "count.many": "{count} zdjęć",
    relevance: "Trafność {relevance}",
  };
  const say = speaker(JSON.stringify(texts), "pl");
  assert.deepEqual([1, 3, 5].map((count) => say("count", { count })), ["1 zdjęcie", "3 zdjęcia", "5 zdjęć"]);
  assert.equal(say("relevance", { relevance: 0.5 }), "Trafność 0,50");
  assert.equal(say("empty"), ENGLISH.empty);
});

test("texts in a language without singular and plural need only one of them", () => {
  const say = speaker('{"count.other": "{count} 枚の写真"}', "ja");
  assert.deepEqual([1, 2].map((count) => say("count", { count })), ["1 枚の写真", "2 枚の写真"]);
});

test("a host's texts go before those of its language; what neither has is said by its name", () => {
  const say = speaker('{"retry": "Nochmal"}', "de", { retry: "Noch einmal versuchen", close: "Schließen", next: 7 });
  assert.deepEqual(["retry", "close", "next"].map((name) => say(name)), ["Nochmal", "Schließen", "next"]);
  assert.equal(speaker(null, "de", {})("emptyDetail"), "empty detail");
});

test("each language is counted by its own rules: in Russian 21 is one", () => {
  const say = speaker('{"count.one": "{count} фото"}', "ru");
  assert.equal(say("count", { count: 21 }), "21 фото");
  assert.equal(say("duplicates", { count: 21 }), "21 near-duplicates");
});

test("in a language that is not spoken numbers are as English as the words, unless the host has words of its own", () => {
  assert.equal(speaker(null, "fi")("relevance", { relevance: 0.5 }), "Relevance 0.50");
  assert.equal(speaker('{"retry": "Yritä uudelleen"}', "fi")("{relevance}", { relevance: 0.5 }), "0,50");
});

for (const texts of [[], null, 7, "text", { empty: null }]) {
  test(`what came in place of a language's texts is left out: ${JSON.stringify(texts)}`, () => {
    assert.equal(speaker(null, "de", texts)("empty"), "empty");
  });
}

/** A client that has the texts of these languages and counts how often it is asked for each. */
function clientOf(languages) {
  const asked = [];
  const texts = async (language) => {
    asked.push(language);
    if (!languages.includes(language)) throw new Error("no such texts");
    return { empty: language };
  };
  return { asked, texts };
}

test("texts are fetched once, those of another language and those of none are English", async (context) => {
  context.mock.method(console, "warn", () => {});
  const nobody = clientOf([]);
  assert.deepEqual(await textsOf("nl", nobody, signal), { tag: "en", texts: {} });
  const client = clientOf(["en", "de"]);
  assert.deepEqual(await textsOf("de-AT", client, signal), { tag: "de-AT", texts: { empty: "de" } });
  assert.deepEqual(await textsOf("de", client, signal), { tag: "de", texts: { empty: "de" } });
  assert.deepEqual(await textsOf("nl", client, signal), { tag: "en", texts: { empty: "en" } });
  assert.deepEqual(await textsOf("fi", client, signal), { tag: "en", texts: { empty: "en" } });
  assert.deepEqual(await textsOf("en-GB", client, signal), { tag: "en-GB", texts: { empty: "en" } });
  assert.deepEqual([nobody.asked, client.asked], [["nl", "en"], ["de", "nl", "en"]]);
});

for (const texts of ["{", "null", "[]", "7", '"text"', '{"empty": null, "retry": {"a": 1}}']) {
  test(`texts that are none leave English: ${texts}`, (context) => {
    context.mock.method(console, "warn", () => {});
    const say = speaker(texts, "en");
    assert.equal(say("empty"), ENGLISH.empty);
    assert.equal(say("retry"), ENGLISH.retry);
  });
}

for (const language of ["", undefined, "no such language", "en_US", "x"]) {
  test(`a language that is none is no reason to be silent: ${language}`, () => {
    assert.match(speaker(null, language)("count", { count: 2 }), /photos$/);
  });
}

test("what a query says is not taken for a name", () => {
  const say = speaker(null, "en");
  assert.equal(say("emptyDetail", { query: "{detail} $& {query}" }), "No photo here seems to show “{detail} $& {query}”.");
  assert.equal(say("emptyDetail", {}), "No photo here seems to show “{query}”.");
});

test("dates are said as precisely as they are known, in the language of the page", () => {
  const dates = ["2024", "2024-05", "2024-05-06"];
  assert.deepEqual(dates.map((date) => speaker(null, "en")("{date}", { date })), ["2024", "May 2024", "May 6, 2024"]);
  assert.deepEqual(dates.map((date) => speaker(null, "de")("{date}", { date })), ["2024", "Mai 2024", "6. Mai 2024"]);
});
