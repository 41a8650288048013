import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { preferred, spoken, tagAround } from "../../../handler/widget/src/languages.js";
import { speaker } from "../../../handler/widget/src/texts.js";

const FOLDER = new URL("../../../handler/widget/languages/", import.meta.url);
const FILES = readdirSync(FOLDER);
const read = (language) => JSON.parse(readFileSync(new URL(`${language}.json`, FOLDER), "utf8"));
const TEXTS = Object.fromEntries(FILES.map((file) => [file.slice(0, -5), read(file.slice(0, -5))]));
const ENGLISH = TEXTS.en;
const OTHERS = Object.keys(TEXTS).filter((language) => language !== "en");
const PLURALS = ["count", "duplicates"];

/** "count.one" -> "count" where the part after the dot is a plural's. */
const base = (name) => name.replace(/\.(zero|one|two|few|many|other)$/, "");
const placeholders = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();

test("there is a file for each language that is spoken, and for no other", () => {
  const tags = ["en", "de", "es", "fr", "ja", "nl", "pt", "zh"];
  assert.deepEqual(Object.keys(TEXTS).sort(), tags.toSorted());
  assert.deepEqual(tags.map(spoken), tags);
});

for (const [tag, language] of [
  ["de-AT", "de"],
  ["pt-BR", "pt"],
  ["pt-PT", "pt"],
  ["EN-gb", "en"],
  ["fr-Latn-CA", "fr"],
  ["es-419", "es"],
  ["zh-CN", "zh"],
  ["zh-Hans-TW", "zh"],
  ["cmn-Hans", "zh"],
  ["deu", "de"],
  ["de-DE-1996-u-nu-latn", "de"],
  ["zh-TW", undefined], // traditional characters, and ours are simplified (CLDR: zh-Hant doesn't fall back to zh)
  ["zh-Hant", undefined],
  ["ja-Latn", undefined],
  ["fi", undefined],
  ["den", undefined],
  ["", undefined],
  ["de_DE", undefined],
  ["no such language", undefined],
  [undefined, undefined],
]) {
  test(`in a page of the language ${tag} it is spoken ${language ?? "English"}`, () => {
    assert.equal(spoken(tag), language);
  });
}

test("of a reader's languages the first is taken that is spoken, with its region", () => {
  assert.equal(preferred(["fi", "de-CH", "en"]), "de-CH");
  assert.equal(preferred(["zh-TW", "zh", "en"]), "zh");
  assert.equal(preferred(["fi", "sv-SE"]), "en");
  assert.equal(preferred([]), "en");
});

/** An element as far as looking for its language needs one. */
const element = (lang, root) => ({ closest: () => (lang === undefined ? null : { lang }), getRootNode: () => root });

test("the closest ancestor says the language, beyond shadows too", () => {
  const page = {};
  const shadow = { host: element("fr-CH", page) };
  assert.equal(tagAround(element("de", shadow)), "de");
  assert.equal(tagAround(element("", shadow)), "");
  assert.equal(tagAround(element(undefined, shadow)), "fr-CH");
  assert.equal(tagAround(element(undefined, { host: element(undefined, page) })), "");
});

for (const language of OTHERS) {
  const texts = TEXTS[language];

  test(`${language} has each text, in the order of the English ones, and no other`, () => {
    const names = Object.keys(texts).map(base);
    assert.deepEqual([...new Set(names)], [...new Set(Object.keys(ENGLISH).map(base))]);
    assert.ok(Object.values(texts).every((text) => typeof text === "string" && text.trim()));
  });

  test(`${language} says what English says: the same is filled in`, () => {
    for (const [name, text] of Object.entries(texts)) {
      const english = ENGLISH[name] ?? ENGLISH[`${base(name)}.other`];
      assert.equal(placeholders(text), placeholders(english), name);
    }
  });

  test(`${language} has the plurals that it has, and no others`, () => {
    const expected = new Intl.PluralRules(language).resolvedOptions().pluralCategories.toSorted();
    for (const plural of PLURALS) {
      const found = Object.keys(texts).filter((name) => name.startsWith(`${plural}.`));
      assert.deepEqual(found.map((name) => name.slice(plural.length + 1)).sort(), expected, plural);
    }
  });

  test(`${language} leaves nothing in English`, () => {
    // What is a number or somebody's words alone is the same in all; some words are the same in two languages.
    const alike = { fr: ["words:description", "grid", "orientation:portrait"], nl: ["filters"] }[language] ?? [];
    const said = Object.entries(texts).filter(([, text]) => /\p{L}/u.test(text.replace(/\{\w+\}/g, "")));
    const same = said.filter(([name, text]) => text === ENGLISH[name] && !PLURALS.includes(base(name)));
    assert.deepEqual(same.map(([name]) => name).filter((name) => !alike.includes(name)), []);
  });

  test(`${language} has typographic marks, not those of a typewriter`, () => {
    for (const [name, text] of Object.entries(texts)) assert.doesNotMatch(text, /["']|\.\.\.| $(?<!\. )/, name);
  });
}

// Counted by hand, with what CLDR says of each language.
for (const [tag, expected] of Object.entries({
  en: ["0 photos", "1 photo", "2 photos", "1,234 photos", "1,000,000 photos"],
  de: ["0 Fotos", "1 Foto", "2 Fotos", "1.234 Fotos", "1.000.000 Fotos"],
  "en-IN": ["0 photos", "1 photo", "2 photos", "1,234 photos", "10,00,000 photos"],
  fr: ["0 photo", "1 photo", "2 photos", "1\u202f234 photos", "1\u202f000\u202f000 de photos"],
  es: ["0 fotos", "1 foto", "2 fotos", "1234 fotos", "1.000.000 de fotos"],
  "pt-BR": ["0 foto", "1 foto", "2 fotos", "1.234 fotos", "1.000.000 de fotos"],
  "pt-PT": ["0 fotos", "1 foto", "2 fotos", "1234 fotos", "1\u00a0000\u00a0000 de fotos"],
  nl: ["0 foto’s", "1 foto", "2 foto’s", "1.234 foto’s", "1.000.000 foto’s"],
  ja: ["0 枚の写真", "1 枚の写真", "2 枚の写真", "1,234 枚の写真", "1,000,000 枚の写真"],
  zh: ["0 张照片", "1 张照片", "2 张照片", "1,234 张照片", "1,000,000 张照片"],
})) {
  test(`photos are counted as in ${tag}`, () => {
    const say = speaker(null, tag, { tag, texts: TEXTS[spoken(tag)] });
    assert.deepEqual([0, 1, 2, 1234, 1_000_000].map((count) => say("count", { count })), expected);
  });
}

for (const [tag, expected] of [
  ["en", "Relevance 0.50"],
  ["de", "Relevanz 0,50"],
  ["fr-CA", "Pertinence 0,50"],
  ["es-MX", "Relevancia 0.50"],
  ["pt", "Relevância 0,50"],
  ["nl", "Relevantie 0,50"],
  ["ja", "関連度 0.50"],
  ["zh", "相关度 0.50"],
]) {
  test(`a relevance is written as in ${tag}`, () => {
    assert.equal(speaker(null, tag, { tag, texts: TEXTS[spoken(tag)] })("relevance", { relevance: 0.5 }), expected);
  });
}
