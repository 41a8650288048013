import assert from "node:assert/strict";
import { test } from "node:test";

import { NOTHING, readAddress, readPhoto, writeAddress } from "../../../handler/widget/src/address.js";

test("what is written is read", () => {
  for (const wanted of [
    { query: "a dog & a cat" },
    { query: "100% größe #1?", similar: "été 2024 & 100%/café #1.png" },
    { similar: "a.jpg" },
    { query: "dog", filters: ["folder:été 2024 & 100%/a:b", "taken:2024-05", "where:rating:4"], order: "newest" },
    {},
  ]) {
    const whole = { ...NOTHING, ...wanted };
    assert.deepEqual(readAddress(writeAddress("https://a.example/photos/?filter=type:png&order=oldest", whole)), whole);
  }
});

test("the rest of the address stays as it is", () => {
  const before = "https://a.example/x?page=2&q=old&similar=a.jpg&type=host&filter=type:png&filter=folder:a#top";
  const after = "https://a.example/x?page=2&q=new&type=host#top";
  assert.equal(writeAddress(before, { ...NOTHING, query: "new" }), after);
  assert.equal(writeAddress(before, NOTHING), "https://a.example/x?page=2&type=host#top");
});

test("an address that asks for nothing, or for what there can't be", () => {
  for (const search of ["", "?q=", "?q=%20%20&similar=", "?filter=&filter=colour&filter=colour:red&filter=where:x&order=random"]) {
    assert.deepEqual(readAddress(`https://a.example/${search}`), NOTHING);
  }
});

test("the address of a photo asks for nothing else, and is gone with what is asked for next", () => {
  const photo = writeAddress("https://a.example/x?page=2&q=dog&filter=type:png", NOTHING, "", "été/a b.jpg");
  assert.equal(photo, "https://a.example/x?page=2&photo=%C3%A9t%C3%A9%2Fa+b.jpg");
  assert.deepEqual([readPhoto(photo), readAddress(photo)], ["été/a b.jpg", NOTHING]);
  assert.equal(writeAddress(photo, { ...NOTHING, query: "cat" }), "https://a.example/x?page=2&q=cat");
});

test("elements with names of their own have places of their own", () => {
  const wanted = { ...NOTHING, query: "dog", filters: ["type:png"], order: "newest" };
  const both = writeAddress(writeAddress("https://a.example/x", wanted, "one"), { ...NOTHING, query: "cat" });
  assert.equal(both, "https://a.example/x?one=dog&one-filter=type%3Apng&one-order=newest&q=cat");
  assert.deepEqual([readAddress(both, "one"), readAddress(both).query, readAddress(both, "two")], [wanted, "cat", NOTHING]);
  const photo = writeAddress(both, NOTHING, "one", "a.jpg");
  assert.deepEqual([photo, readPhoto(photo, "one")], ["https://a.example/x?q=cat&one-photo=a.jpg", "a.jpg"]);
});
