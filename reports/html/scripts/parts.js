// Small parts that every view is made of. Text enters the page as text nodes, never as markup.

/** Make an element: el("a", {href: "#/"}, "text", child). A property that is null or false is left out. */
function el(tag, properties, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";

/** Make an SVG element. */
function svg(tag, properties, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(properties || {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Glyph and word of an outcome; the colour is a class. */
function mark(outcome, name) {
  return el("span", { class: `mark o-${outcome}`, "data-name": name }, `${GLYPH[outcome]} ${WORD[outcome] || outcome}`);
}

function counted(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** A share as text: only all is 100 %, and only nothing is 0 %. */
function share(held, ran) {
  if (!ran) return "none ran";
  if (held === ran) return "100 %";
  if (!held) return "0 %";
  return `${Math.min(Math.max((100 * held) / ran, 0.1), 99.9).toFixed(1)} %`;
}

/** A list that holds only the rows in sight. Rows have one height, given in CSS as --row. */
class VirtualList {
  constructor(box, draw) {
    this.box = box;
    this.draw = draw;
    this.count = 0;
    this.painted = [0, 0];
    const later = () => {
      if (this.waiting || !box.isConnected || box.offsetParent === null) return;
      this.waiting = true;
      requestAnimationFrame(() => {
        this.waiting = false;
        this.paint();
      });
    };
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", () => {
      this.height = 0;
      this.painted = [0, 0];
      later();
    });
  }

  show(count) {
    this.count = count;
    this.painted = [0, 0];
    this.paint();
  }

  measure() {
    if (!this.height) {
      const probe = el("li");
      this.box.append(probe);
      this.height = probe.offsetHeight || 44;
      probe.remove();
    }
    return this.height;
  }

  paint() {
    const height = this.measure();
    this.box.style.height = `${this.count * height}px`;
    const top = this.box.getBoundingClientRect().top;
    const from = Math.max(0, Math.floor(-top / height) - 5);
    const to = Math.min(this.count, Math.ceil((innerHeight - top) / height) + 5);
    if (from === this.painted[0] && to === this.painted[1]) return;
    this.painted = [from, to];
    const focused = document.activeElement?.closest?.("[data-at]")?.dataset.at;
    const rows = [];
    for (let at = from; at < to; at++) {
      const row = this.draw(at);
      row.dataset.at = at;
      row.style.top = `${at * height}px`;
      rows.push(row);
    }
    this.box.replaceChildren(...rows);
    if (focused !== undefined) this.focus(Number(focused), true);
  }

  /** Move the focus to a row, scrolling it into sight first. */
  focus(at, still = false) {
    const height = this.measure();
    const top = this.box.getBoundingClientRect().top + at * height;
    if (!still && (top < 140 || top + height > innerHeight - 20)) {
      scrollBy(0, top - innerHeight / 2);
      this.paint();
    }
    this.box.querySelector(`[data-at="${at}"] a`)?.focus({ preventScroll: true });
  }
}

/** A block of text with its title and a button that copies it. */
function block(title, text, copies) {
  const button =
    copies && el("button", { class: "button small", type: "button", onclick: () => copy(text, button) }, "Copy");
  return el(
    "section",
    { class: "block" },
    el("h3", null, title, button || ""),
    el("pre", { tabindex: 0, role: "region", "aria-label": title }, text),
  );
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el("textarea", { class: "offstage" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  say("Copied.");
  setTimeout(() => {
    button.textContent = "Copy";
  }, 1500);
}

let saying = 0;

/** Tell those who listen rather than look. */
function say(text) {
  clearTimeout(saying);
  saying = setTimeout(() => {
    $("live").textContent = text;
  }, 300);
}

function link(view, query) {
  return `#/${view}${query ? `?q=${encodeURIComponent(query)}` : ""}`;
}
