/** Run inside the page: what the eye and the thumb need. Each gives the elements that fail, in words. */

/** Texts with less contrast than WCAG AA asks: 4.5, or 3 where they are large. */
export function lowContrast() {
  const luminance = ([red, green, blue]) => {
    const [r, g, b] = [red, green, blue].map((part) =>
      part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4,
    );
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parts = (colour) => (colour.match(/[\d.]+/g) ?? []).map(Number);
  const groundOf = (element) => {
    if (element === null) return [255, 255, 255];
    const [red, green, blue, alpha = 1] = parts(getComputedStyle(element).backgroundColor);
    return alpha === 1 ? [red, green, blue] : groundOf(element.parentElement);
  };
  const root = document.querySelector("dialog[open]") ?? document.body;
  return [...root.querySelectorAll("*")].flatMap((element) => {
    const own = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim() !== "");
    if (own.length === 0 || !element.checkVisibility() || element.closest("select, noscript, .unseen")) return [];
    const style = getComputedStyle(element);
    const [one, other] = [parts(style.color), groundOf(element)].map(luminance).sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    return ratio < (isLarge ? 3 : 4.5) ? [`${ratio.toFixed(2)} ${element.textContent}`] : [];
  });
}

/** How the element that has the focus shows it. */
export function focusRing() {
  const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
  return `${outlineStyle} ${outlineWidth}`;
}

/** What can be pressed or written into, and is smaller than 44 by 44 pixels; and whatever is wider than the screen. */
export function tooSmall() {
  const root = document.querySelector("dialog[open]") ?? document.body;
  const small = [...root.querySelectorAll("button, select, input:not(.unseen)")].filter((element) => {
    const { width, height } = element.getBoundingClientRect();
    return element.checkVisibility() && (width < 44 || height < 44);
  });
  const isWide = document.documentElement.scrollWidth > document.documentElement.clientWidth;
  return [
    ...small.map((element) => element.id || element.textContent),
    ...(isWide ? ["the page scrolls sideways"] : []),
  ];
}
