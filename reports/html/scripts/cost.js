// The cost: what a gradient takes beside the value, operation by operation. Measured, never judged.

const COST = { rows: null, shown: [], view: null, text: "", largest: false, most: 2 };

async function drawCost(query) {
  COST.rows ||= (await unpack("cost")).map(([c, costs]) => ({ c, costs, most: Math.max(...costs.map((it) => it?.[0] ?? 0)) }));
  if (!COST.rows.length) {
    $("cost").replaceChildren(el("h1", null, "Cost"), el("p", null, "This run measured no cost: clause COST-1 was not asked."));
    return;
  }
  COST.most = Math.max(2, ...COST.rows.map((row) => row.most));
  COST.largest = /\bsort:largest\b/.test(query);
  COST.text = query.replace(/\bsort:largest\b/, "").trim();
  if (!COST.view) buildCost();
  $("cost-largest").checked = COST.largest;
  if (document.activeElement !== $("cost-query")) $("cost-query").value = COST.text;
  filterCost();
}

function buildCost() {
  const changed = () => {
    COST.text = $("cost-query").value.trim();
    COST.largest = $("cost-largest").checked;
    history.replaceState(null, "", link("cost", `${COST.text} ${COST.largest ? "sort:largest" : ""}`.trim()));
    filterCost();
  };
  const box = el("ul", { class: "rows", id: "cost-rows" });
  $("cost").replaceChildren(
    el("h1", null, "Cost of a gradient"),
    el(
      "p",
      { class: "lead" },
      "CPU time of value and gradient, in times that of the value, by operation. Each doubling makes the bar longer by as much. " +
        "It was measured once, in the run itself, so another run has other numbers: nothing is judged, and a difference of less than a factor of two says nothing.",
    ),
    el(
      "div",
      { class: "ask" },
      el("label", { for: "cost-query", class: "offstage" }, "Search the operations"),
      el("input", { id: "cost-query", type: "search", placeholder: "operation", spellcheck: "false", oninput: changed }),
      el("label", { class: "check" }, el("input", { id: "cost-largest", type: "checkbox", onchange: changed }), " largest first"),
    ),
    el("p", { class: "found", id: "cost-found" }),
    el(
      "div",
      { class: "atlas-table costs" },
      el(
        "div",
        { class: "row heads", "aria-hidden": "true" },
        el("span", { class: "op" }, "Operation"),
        D.examined.map((s) => el("span", { class: "answer" }, D.subjects[s].name)),
      ),
      box,
    ),
  );
  COST.view = new VirtualList(box, costRow);
}

function filterCost() {
  const words = COST.text.toLowerCase().split(/\s+/).filter(Boolean);
  COST.shown = COST.rows.filter(({ c }) => words.every((word) => wordOf("operation", c).toLowerCase().includes(word)));
  if (COST.largest) COST.shown.sort((a, b) => b.most - a.most);
  COST.view.show(COST.shown.length);
  const medians = D.examined.map((s) => [D.subjects[s].name, median(s)]).filter(([, times]) => times);
  const text = `${counted(COST.shown.length)} operations; median ${medians.map(([name, times]) => `${name} ${times}`).join(", ")}`;
  $("cost-found").textContent = medians.length ? text : "No operation is called so.";
  say($("cost-found").textContent);
}

/** The ratio in the middle, of the operations shown. */
function median(s) {
  const ratios = COST.shown.map(({ costs }) => costs[s]?.[0]).filter(Boolean);
  ratios.sort((a, b) => a - b);
  return ratios.length ? times(ratios[ratios.length >> 1]) : "";
}

function times(ratio) {
  return `${ratio}×`;
}

function costRow(at) {
  const { c, costs } = COST.shown[at];
  return el(
    "li",
    { "aria-setsize": COST.shown.length, "aria-posinset": at + 1 },
    el(
      "a",
      { class: "row", href: `#/case/${encodeURIComponent(D.ids[c])}` },
      el("span", { class: "op" }, wordOf("operation", c)),
      D.examined.map((s) => costOf(s, c, costs[s])),
    ),
  );
}

/** The ratio with its bar and the shapes of the inputs; without one, what became of the case. */
function costOf(s, c, cost) {
  const name = { "data-name": D.subjects[s].name };
  if (!cost) {
    const outcome = outcomeOf(s, c);
    return el("span", { class: "answer quiet", ...name }, `${GLYPH[outcome]} ${WORD[outcome] || outcome}`);
  }
  const [ratio, shapes] = cost;
  const bar = el("i", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--part", Math.max(Math.log2(ratio) / Math.log2(COST.most), 0).toFixed(3));
  return el("span", { class: "answer cost", title: `at ${shapes}`, ...name }, el("b", null, times(ratio)), " ", el("small", null, shapes), bar);
}
