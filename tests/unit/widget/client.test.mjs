import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";

import { Client, NoAnswer, told } from "../../../handler/widget/src/client.js";
import { speaker } from "../../../handler/widget/src/texts.js";

const ENGLISH = JSON.parse(readFileSync(new URL("../../../handler/widget/languages/en.json", import.meta.url), "utf8"));
const RESULT = {
  id: "dogs/rex.jpg",
  relevance: 0.7,
  caption: "a dog",
  matched: "a dog on a beach",
  matched_in: "meaning",
  marks: [],
  url: "/photos/dogs/rex.jpg",
  thumbnail_url: "https://cdn.example.org/rex.jpg",
  width: 640,
  height: 480,
  placeholder: "0a".repeat(36),
};
const PHOTO = {
  id: "dogs/rex.jpg",
  caption: "a dog on a beach",
  words: undefined,
  byLook: false,
  relevance: 0.7,
  duplicates: 0,
  guessed: false,
  preview: undefined,
  taken: undefined,
  camera: undefined,
  thumbnail: "https://cdn.example.org/rex.jpg",
  width: 640,
  height: 480,
  aspect: 640 / 480,
  colours: Array(12).fill("0a0a0a"),
};

let server;
let origin;
let asked;
/** Method, headers and body of those requests that have a body. */
let sent;
/** What the server does with a request; each test says. */
let respond;

const { signal } = new AbortController();
const options = { count: 5, signal };
const json = (body, status = 200) => (response) => response.writeHead(status).end(JSON.stringify(body));
const client = (path = "/") => new Client(path, origin);

before(async () => {
  server = createServer((request, response) => {
    asked.push(request.url);
    if (request.method === "GET") return respond(response);
    let body = "";
    request.on("data", (part) => (body += part));
    return request.on("end", () => {
      sent.push({ method: request.method, headers: request.headers, body });
      respond(response);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${server.address().port}`;
});
beforeEach(() => {
  asked = [];
  sent = [];
});
after(() => server.closeAllConnections() ?? server.close());

test("a search asks for what is wanted and for nothing else", async () => {
  respond = json({ results: [] });
  await client().search("größe & 100%", options);
  await client().search("dog", { ...options, after: { offset: 5, bundle: "0123" }, minRelevance: 0 });
  await client().similar("a b/c&d.jpg", options);
  assert.deepEqual(asked, [
    "/v1/search?q=gr%C3%B6%C3%9Fe+%26+100%25&dedupe=true&k=5",
    "/v1/search?q=dog&dedupe=true&k=5&min_relevance=0&offset=5&bundle=0123",
    "/v1/similar?id=a+b%2Fc%26d.jpg&k=5",
  ]);
});

test("photos that are like another one have no relevance, which is that of words", async () => {
  respond = json({ results: [RESULT], perhaps: [RESULT], bundle: "0123", next_offset: 5 });
  const { photos, next, raw } = await client().similar("a.jpg", options);
  assert.deepEqual(photos.map(({ relevance }) => relevance), [undefined, undefined]);
  assert.deepEqual([next, raw.results], [{ offset: 5, bundle: "0123" }, [RESULT]]);
});

test("a picture is sent as its pixels, with their hash for whoever signs them", async () => {
  const pixels = Uint8Array.from([97, 98, 99]);
  respond = json({ bundle: "0123", next_offset: 5, results: [RESULT] });
  const { next } = await client().search("", options, { pixels });
  await client().search("a dog", { ...options, after: next }, { pixels });
  assert.deepEqual(asked, [
    "/v1/search?dedupe=true&k=5",
    "/v1/search?q=a+dog&dedupe=true&k=5&offset=5&bundle=0123",
  ]);
  for (const { method, headers, body } of sent) {
    assert.deepEqual([method, headers["content-type"], body], ["POST", "application/octet-stream", "abc"]);
    // The SHA-256 of "abc" (FIPS 180-2, appendix B.1).
    const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert.equal(headers["x-amz-content-sha256"], expected);
  }
});

test("a collection says of what size pictures are that may be asked with", async () => {
  for (const [image_side, imageSide] of [[256, 256], [null, 0], [undefined, 0]]) {
    respond = json({ photos: [], suggestions: [], image_side });
    assert.equal((await client().collection(3, signal)).imageSide, imageSide);
  }
});

test("an endpoint is a folder, with or without a closing slash, relative to the page or elsewhere", async () => {
  respond = json({ results: [] });
  for (const endpoint of ["/gallery", "/gallery/", `${origin}/gallery`, "gallery"]) {
    await client(endpoint).search("dog", options);
  }
  assert.deepEqual(asked, Array(4).fill("/gallery/v1/search?q=dog&dedupe=true&k=5"));
});

test("a result becomes a photo whose addresses are those of the endpoint", async () => {
  respond = json({ query: "dog", bundle: "0123", next_offset: 5, results: [RESULT] });
  const { photos, next, raw } = await client().search("dog", options);
  assert.deepEqual(next, { offset: 5, bundle: "0123" });
  assert.deepEqual(photos, [{ ...PHOTO, url: `${origin}/photos/dogs/rex.jpg` }]);
  assert.equal(raw.query, "dog");
});

test("the last answer of a search has no next", async () => {
  for (const next_offset of [null, undefined, 0, "x"]) {
    respond = json({ bundle: "0123", next_offset, results: [{ ...RESULT, duplicates: 2 }] });
    const { next, photos } = await client().search("dog", options);
    assert.deepEqual([next, photos[0].duplicates], [undefined, 2]);
  }
});

test("where the picture explains it, its caption is shown, and where there is none its id", async () => {
  respond = json({ results: [{ ...RESULT, matched: "visual" }, { ...RESULT, matched: "visual", caption: "" }] });
  const { photos } = await client().search("dog", options);
  assert.deepEqual(photos.map(({ caption, byLook }) => [caption, byLook]), [
    ["a dog", true],
    ["dogs/rex.jpg", true],
  ]);
});

test("where words explain it that are no caption, its caption is shown beside them", async () => {
  const said = { ...RESULT, matched: "visual", matched_in: "text", marks: [[0, 6]] };
  const captioned = { ...RESULT, matched: "visual", matched_in: "caption", marks: [[0, 6]] };
  const meant = { ...RESULT, matched: "visual", matched_in: "meaning", marks: [] };
  respond = json({ results: [said, { ...said, caption: "" }, captioned, meant] });
  const { photos } = await client().search("visual", options);
  assert.deepEqual(photos.map(({ caption, byLook, words }) => [caption, byLook, words?.place, words?.text]), [
    ["a dog", false, "text", "visual"],
    ["dogs/rex.jpg", false, "text", "visual"],
    ["visual", false, "caption", "visual"],
    ["a dog", true, undefined, undefined],
  ]);
});

test("the texts of a language lie beside the module, at the endpoint", async () => {
  respond = json({ label: "Suchen" });
  assert.deepEqual(await client("/gallery").texts("de", signal), { label: "Suchen" });
  assert.deepEqual(asked, ["/gallery/assets/languages/de.json"]);
});

test("a photo of the catalogue has its first caption", async () => {
  const captions = [{ text: "a dog" }, { text: "a brown dog on a beach" }];
  const known = { ...RESULT, relevance: undefined, matched: undefined, caption: undefined, captions };
  const expected = { ...PHOTO, url: `${origin}/photos/dogs/rex.jpg`, caption: "a dog", relevance: undefined };
  respond = json({ photos: [known], total: 1, suggestions: ["dog"], image_fit: "squash" });
  assert.deepEqual(await client().collection(3, signal), {
    photos: [expected],
    total: 1,
    suggestions: ["dog"],
    imageSide: 0,
    imageFit: "squash",
  });
  respond = json(known);
  assert.deepEqual(await client().photo("a b/c#d.jpg", signal), expected);
  assert.deepEqual(asked, ["/v1/photos?k=3", "/v1/photos/a%20b/c%23d.jpg"]);
});

test("a search can be narrowed down and ordered", async () => {
  respond = json({ results: [{ ...RESULT, taken: "2024-05-06T12:00:00" }, { ...RESULT, taken: null }] });
  const filters = ["folder:a&b", "taken:2024"];
  const { photos } = await client().search("dog", { ...options, filters, order: "newest" });
  assert.deepEqual(photos.map(({ taken }) => taken), ["2024-05-06", undefined]);
  assert.deepEqual(asked, ["/v1/search?q=dog&dedupe=true&k=5&order=newest&folder=a%26b&taken_from=2024&taken_to=2024"]);
});

test("photos are browsed by date, of one bundle", async () => {
  respond = json({ photos: [{ ...RESULT, captions: [{ text: "a dog" }] }] });
  const [photo] = await client().browse("oldest", ["type:png"], { offset: 200, count: 100, bundle: "0123" }, signal);
  assert.equal(photo.caption, "a dog on a beach");
  assert.deepEqual(asked, ["/v1/photos?order=oldest&k=100&offset=200&bundle=0123&type=png"]);
});

test("what is counted comes with its months in the order of the photos", async () => {
  const months = [{ month: "2024-05", count: 1 }, { month: "2023-12", count: 2 }];
  const counts = { bundle: "0123", total: 4, months, undated: 1, folders: [], orientations: [], types: [], columns: [] };
  respond = json(counts);
  const newest = await client().facets({ query: "", filters: [], order: "newest" }, signal);
  const oldest = await client().facets({ query: "a dog", filters: ["type:png"], order: "oldest" }, signal);
  assert.deepEqual([newest.total, newest.undated, newest.groups.length], [4, 1, 1]);
  assert.deepEqual(newest.months, months);
  assert.deepEqual(oldest.months, months.toReversed());
  await client().facets({ query: "a dog", filters: [], minRelevance: 0 }, signal);
  assert.deepEqual(asked, [
    "/v1/facets",
    "/v1/facets?q=a+dog&dedupe=true&type=png",
    "/v1/facets?q=a+dog&dedupe=true&min_relevance=0",
  ]);
  for (const wrong of [{}, { ...counts, months: [7] }, { ...counts, columns: [{ column: "x" }] }]) {
    respond = json(wrong);
    await assert.rejects(client().facets({ query: "", filters: [] }, signal), { kind: "unreadable" });
  }
});

for (const address of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://[", null, undefined]) {
  test(`an address that a browser should not be sent to is none: ${address}`, async () => {
    respond = json({ results: [{ ...RESULT, url: address }, { ...RESULT, thumbnail_url: address }] });
    const { photos } = await client().search("dog", options);
    assert.deepEqual([photos[0].url, photos[1].thumbnail], [undefined, undefined]);
  });
}

test("a photo that isn't published has the address of its thumbnail, which is not its own", async () => {
  respond = json({ results: [{ ...RESULT, url: "/t/1.jpg", thumbnail_url: "/t/1.jpg", preview_url: "/p/1.webp" }] });
  const [photo] = (await client("/gallery").search("dog", options)).photos;
  assert.equal(photo.url, undefined);
  assert.deepEqual([photo.thumbnail, photo.preview].map((address) => new URL(address).pathname), ["/t/1.jpg", "/p/1.webp"]);
});

test("panoramas and scrolls are cropped in the grid", async () => {
  const shapes = [{ width: 10_000, height: 100 }, { width: 100, height: 10_000 }, { width: 4, height: 3 }];
  respond = json({ results: shapes.map((shape) => ({ ...RESULT, ...shape })) });
  const { photos } = await client().search("dog", options);
  assert.deepEqual(photos.map(({ aspect }) => aspect), [2.4, 0.6, 4 / 3]);
});

const failures = {
  "no JSON": [(response) => response.end("<html>"), "unreadable", ""],
  "no object": [json([1]), "unreadable", ""],
  nothing: [json(null), "unreadable", ""],
  "no list": [json({ results: { length: 1 } }), "unreadable", ""],
  "no photo": [json({ results: [null] }), "unreadable", ""],
  "half a body": [(response) => response.writeHead(200, { "content-length": 99 }).write("{", () => response.destroy()), "unreadable", ""],
  "a problem": [json({ detail: "k is 0 (expected 1 to 100)" }, 400), "undefined", "k is 0 (expected 1 to 100)"],
  "an error page": [(response) => response.writeHead(502).end("<html>"), "undefined", "502"],
  "an error without words": [json(null, 500), "undefined", "500"],
  "a closed connection": [(response) => response.destroy(), "unreachable", ""],
};
for (const [name, [answer, kind, detail]] of Object.entries(failures)) {
  test(`a server that answers wrongly: ${name}`, async () => {
    respond = answer;
    await assert.rejects(client().search("dog", options), (error) => {
      assert.ok(error instanceof NoAnswer, error);
      assert.deepEqual([error.kind, error.detail], [kind, detail]);
      return true;
    });
  });
}

for (const [type, parameter, words] of [
  ["urn:thinlens:problem:photo-not-found", undefined, "There is no such photo here. It may have been removed or renamed."],
  ["urn:thinlens:problem:bundle-changed", "bundle", /^The collection has changed in the meantime/],
  ["urn:thinlens:problem:no-collection", undefined, /^The collection cannot be read at the moment/],
  ["urn:thinlens:problem:unauthorized", undefined, /^You have no access to this search/],
  ["urn:thinlens:problem:internal-error", undefined, /^Something went wrong on the server/],
  ["urn:thinlens:problem:invalid-parameter", "q", "This text cannot be searched for. It may have up to 512 characters."],
  ["urn:thinlens:problem:invalid-parameter", "k", "The server said: {detail}"],
  ["urn:thinlens:problem:constructor", undefined, "The server said: {detail}"],
  ["about:blank", undefined, "The server said: {detail}"],
  [7, undefined, "The server said: {detail}"],
]) {
  test(`a problem that the page knows is said in its own words: ${type} ${parameter}`, async () => {
    respond = json({ type, parameter, detail: "{detail}" }, 400);
    const error = await client().search("dog", options).catch((error) => error);
    assert.equal(error.detail, "{detail}");
    assert.match(told(error, speaker(null, "en", { tag: "en", texts: ENGLISH })), new RegExp(words));
  });
}

test("a server that does not answer at all is given up", async (context) => {
  respond = () => {};
  const timeout = AbortSignal.timeout;
  context.mock.method(AbortSignal, "timeout", () => timeout.call(AbortSignal, 20));
  await assert.rejects(client().search("dog", options), { kind: "slow" });
});

test("without a connection the reader is told so", async (context) => {
  respond = (response) => response.destroy();
  const online = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  Object.defineProperty(globalThis, "navigator", { value: { onLine: false }, configurable: true });
  context.after(() => (online ? Object.defineProperty(globalThis, "navigator", online) : delete globalThis.navigator));
  await assert.rejects(client().search("dog", options), { kind: "offline" });
});

test("a search that is no longer wanted is no failure of the server's", async () => {
  respond = () => {};
  const controller = new AbortController();
  const search = client().search("dog", { count: 5, signal: controller.signal });
  controller.abort();
  await assert.rejects(search, { name: "AbortError" });
});

test("a photo may have no colours", async () => {
  respond = json({ results: [{ ...RESULT, placeholder: "ff8000".repeat(12) }, { ...RESULT, placeholder: null }] });
  const { photos } = await client().search("dog", options);
  assert.deepEqual(photos.map(({ colours }) => colours), [Array(12).fill("ff8000"), undefined]);
});
