// The start: unpack the index, then show the view that the address names.

const VIEWS = ["overview", "list", "atlas", "curves", "cost", "compare", "environment", "about"];

function route() {
  const [way, tail] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, ...rest] = way.split("/").map(decoded);
  return { view: view || "overview", rest, query: new URLSearchParams(tail || "").get("q") || "" };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Drop what is not in sight: a page of 50 000 results stays at some hundred elements. */
function leave(known) {
  if (!$("list").hidden) LIST.scroll = scrollY;
  if (known !== "list" && LIST.view) {
    LIST.view.box.replaceChildren();
    $("facet-groups").replaceChildren();
  }
  if (known === "overview") $("matrix").append(MATRIX.view);
  else MATRIX.view.remove(); // not forgotten: what was unfolded stays so
  if (known !== "atlas" && ATLAS.view) ATLAS.view.box.replaceChildren();
  if (known !== "cost" && COST.view) COST.view.box.replaceChildren();
  if (known !== "compare" && COMPARE.view) COMPARE.view.box.replaceChildren();
  for (const view of ["case", "curves"]) if (known !== view) $(view).replaceChildren();
}

async function go() {
  const { view, rest, query } = route();
  const known = view === "case" || VIEWS.includes(view) ? view : "overview";
  const returning = known === "list" && $("list").hidden && query === LIST.query;
  leave(known);
  document.body.dataset.view = known;
  const tab = known === "case" ? "list" : known;
  for (const section of document.querySelectorAll("[data-section]")) section.hidden = section.dataset.section !== known;
  for (const anchor of document.querySelectorAll(".tabs a")) {
    if (anchor.dataset.view === tab) {
      anchor.setAttribute("aria-current", "page");
      anchor.parentElement.scrollLeft = anchor.offsetLeft - anchor.parentElement.offsetLeft - 60; // on a narrow screen
    } else anchor.removeAttribute("aria-current");
  }
  if (known === "list") {
    drawList(query);
    if (returning) scrollTo(0, LIST.scroll);
  }
  if (known === "case") {
    scrollTo(0, 0);
    await drawCase(rest[0] || "", rest[1]);
  }
  if (known === "atlas") await drawAtlas(query);
  if (known === "curves") await drawCurves(rest[0], rest[1]);
  if (known === "cost") await drawCost(query);
  if (known === "compare") await drawCompare(rest, query);
}

/** Move to the next or previous case: along the list, or from case to case. */
function step(by) {
  if (route().view === "case") {
    $(by > 0 ? "next" : "previous")?.click();
    return;
  }
  const list = { list: LIST.view, atlas: ATLAS.view, cost: COST.view, compare: COMPARE.view }[route().view];
  if (!list?.count) return;
  const at = document.activeElement?.closest?.("[data-at]")?.dataset.at;
  list.focus(at === undefined ? list.painted[0] : Math.min(Math.max(Number(at) + by, 0), list.count - 1));
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest?.("input:not([type=range]):not([type=checkbox]), textarea");
  if (typing) {
    if (event.key === "Escape") typing.blur();
    if (event.key === "Enter" && LIST.view) LIST.view.focus(0);
    return;
  }
  const act = {
    "?": () => $("keys").showModal(),
    "/": () => {
      if (!($("query") && !$("list").hidden)) location.hash = link("list", LIST.query);
      setTimeout(() => $("query")?.focus());
    },
    j: () => step(1),
    k: () => step(-1),
    u: () => {
      location.hash = link("list", LIST.query);
    },
  }[event.key];
  if (act) {
    event.preventDefault();
    act();
  } else if (/^[1-9]$/.test(event.key)) document.querySelectorAll(".tabs a")[event.key - 1]?.click();
}

async function start() {
  document.body.classList.remove("static");
  if (!("DecompressionStream" in window)) {
    $("matrix").append(el("p", null, "This browser cannot unpack the results; one from 2023 or later can."));
    return;
  }
  await loadIndex();
  drawMatrix();
  addEventListener("hashchange", go);
  addEventListener("keydown", pressed);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address holds the view, not a place in it
    $("view").focus();
  });
  await go();
  document.documentElement.dataset.ready = performance.now().toFixed(0);
}

start();
