/*! Thinlens: keeps what a static gallery is made of, so that it is fetched once, and is there without a network. */

const CACHE = `thinlens ${self.registration.scope}`;
const PAGE = self.registration.scope;
const FILES = `${PAGE}gallery/`;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  const address = url.split(/[?#]/)[0];
  if (method !== "GET") return;
  if (address === PAGE) event.respondWith(page(event));
  else if (address.startsWith(FILES)) event.respondWith(file(event.request));
});

/** A file, which is named by what it holds, from the cache if it is there. */
async function file(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request.url);
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok) await cache.put(request.url, response.clone());
  return response;
}

/** The page as it is now, or as it was when it could be had. */
async function page(event) {
  const cache = await caches.open(CACHE);
  try {
    const response = await fetch(event.request);
    if (response.ok) event.waitUntil(keep(cache, response.clone()));
    return response;
  } catch (error) {
    const kept = await cache.match(PAGE);
    if (kept) return kept;
    throw error;
  }
}

/** Keep a page, and none of the files that it no longer names. */
async function keep(cache, response) {
  const html = await response.clone().text();
  await cache.put(PAGE, response);
  for (const { url } of await cache.keys()) {
    if (url.startsWith(FILES) && !html.includes(url.slice(FILES.length).split("/")[0])) await cache.delete(url);
  }
}
