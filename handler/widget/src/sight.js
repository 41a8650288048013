/** Sight: what is a window's height away from it or nearer. */

/**
 * @param {(entry: {target: Element, isIntersecting: boolean}) => void} notice Told of what comes near and what goes.
 * @returns {IntersectionObserver}
 */
export function watcher(notice) {
  return new IntersectionObserver((entries) => entries.forEach(notice), { rootMargin: "100%" });
}
