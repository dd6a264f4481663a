// Returns what has less contrast with its ground than 4.5 to 1 (WCAG 2.2, 1.4.3).
const level = (part) => { const c = part / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
const numbers = (color) => color.match(/[\d.]+/g).map(Number);
const light = ([r, g, b]) => 0.2126 * level(r) + 0.7152 * level(g) + 0.0722 * level(b);
const clear = (color) => numbers(color).length > 3 && numbers(color)[3] === 0;
const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
  if (!clear(c)) return numbers(c); } return [255, 255, 255]; };
const shade = (e) => e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color;
const under = (e) => { const before = e.previousElementSibling;
  return e.classList.contains('mark') && e instanceof SVGElement ? numbers(getComputedStyle(before).fill) : ground(e); };
const faint = [];
for (const e of document.querySelectorAll('body *')) {
  const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || ['TITLE', 'title', 'NOSCRIPT', 'SCRIPT'].includes(e.tagName)) continue;
  const [a, b] = [light(numbers(shade(e))), light(under(e))].sort((x, y) => y - x);
  if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(`${e.tagName}.${e.getAttribute('class')} ${e.textContent}`);
}
return faint;
