// node ask.mjs SITE < questions.json > answers.json
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { pathToFileURL } from "node:url";
const site = process.argv[2];
const page = readFileSync(`${site}/index.html`, "utf-8");
const { files } = JSON.parse(/name="thinlens-gallery" content="([^"]*)"/.exec(page)[1].replaceAll("&quot;", '"'));
const code = /src="(gallery\/[0-9a-f]+)\/page.js"/.exec(page)[1];
const { Gallery } = await import(pathToFileURL(`${site}/${code}/gallery.js`).href);
const gallery = new Gallery(async (name) => {
  const { buffer, byteOffset, byteLength } = gunzipSync(readFileSync(`${site}/${files[name].path}`));
  return buffer.slice(byteOffset, byteOffset + byteLength);
});
const answers = [];
for (const address of JSON.parse(readFileSync(0, "utf-8"))) {
  const url = new URL(address, "http://x/");
  answers.push(await gallery.answer(url.pathname.slice(1), url.searchParams));
}
console.log(JSON.stringify(answers));
