// One case: the clause, what every backend made of it, and the evidence behind each verdict that is not a pass.

const MOST_ENTRIES = 100; // of an array, around the first wrong one
let drawing = 0;

async function drawCase(id, backend) {
  const c = D.number.get(id);
  const turn = ++drawing;
  if (c === undefined) {
    $("case").replaceChildren(
      el("h1", null, "No such case"),
      el("p", null, `No case ${id} is in this report.`),
      el("p", null, el("a", { href: "#/list" }, "All cases")),
    );
    return;
  }
  const evidence = await Promise.all(D.subjects.map((_, s) => evidenceOf(s, c)));
  const tests = await unpack("tests");
  if (turn !== drawing) return;
  let chosen = D.subjects.findIndex(({ name }) => name === backend);
  if (chosen < 0) chosen = Math.max(0, evidence.findIndex(Boolean));
  const clause = D.clauses[D.cases.clause[c]];
  const facts = [wordOf("operation", c), wordOf("dtype", c), wordOf("mode", c), wordOf("parameters", c)].filter(
    Boolean,
  );
  $("case").replaceChildren(
    trail(c),
    el("h1", null, el("span", { class: "id" }, wordOf("clause", c)), " ", facts.join(" · ")),
    el(
      "blockquote",
      { class: "clause-text" },
      clause.text,
      el("footer", null, `${clause.level} · ${clause.class} · ${wordOf("chapter", c)}`),
    ),
    el(
      "div",
      { class: "sides" },
      D.subjects.map((_, s) => side(s, c, evidence[s], s === chosen && D.subjects.length > 1)),
    ),
    el(
      "div",
      { class: "evidence", id: "evidence" },
      evidence[chosen] ? evidenceBlocks(evidence[chosen], D.subjects[chosen].name) : noEvidence(chosen, c),
    ),
    inTerminal(D.ids[c], evidence[chosen]),
    tests[c] && !D.subjects[chosen].problem
      ? el("div", { class: "wraps" }, block("Run it again", `${D.subjects[chosen].rerun} ${tests[c]}`, true))
      : "",
  );
}

/** The commands that say in a terminal what stands here, and more. */
function inTerminal(id, evidence) {
  const commands = [`clinometer explain ${id}`, evidence?.script ? `clinometer repro ${id}` : ""].filter(Boolean);
  return el("div", { class: "wraps" }, block("In a terminal", commands.join("\n"), true));
}

function trail(c) {
  const at = LIST.hits.indexOf(c);
  const step = (by, word) => {
    const next = LIST.hits[at + by];
    return at >= 0 && next !== undefined
      ? el("a", { class: "button small", href: `#/case/${encodeURIComponent(D.ids[next])}`, id: word }, word)
      : "";
  };
  return el(
    "p",
    { class: "trail" },
    el("a", { class: "button small", id: "up", href: link("list", LIST.query) }, "← All results"),
    step(-1, "previous"),
    step(1, "next"),
    el("span", { class: "quiet" }, `case ${D.ids[c]}`),
  );
}

function side(s, c, evidence, chosen) {
  const columns = D.results[s];
  const { name, problem } = D.subjects[s];
  const outcome = outcomeOf(s, c);
  const seconds = columns.seconds[c];
  const facts = [
    columns.examples[c] && `${counted(columns.examples[c])} ${columns.examples[c] === 1 ? "example" : "examples"}`,
    columns.points[c] && `${counted(columns.points[c])} ${columns.points[c] === 1 ? "point" : "points"}`,
    seconds && `${seconds} s`,
  ].filter(Boolean);
  const words = (column) => D.words[column][columns[column][c]];
  const href = `#/case/${encodeURIComponent(D.ids[c])}/${encodeURIComponent(name)}`;
  const title =
    evidence && D.subjects.length > 1 ? el("a", { href, "aria-current": chosen ? "true" : null }, name) : name;
  return el(
    "article",
    { class: `side ${chosen ? "chosen" : ""}` },
    el("h2", null, title),
    problem
      ? el("p", { class: "quiet" }, "No result: the backend could not be loaded.")
      : el("p", null, mark(outcome, name)),
    words("message") && el("p", { class: "message" }, words("message")),
    standing(s, c, words("expectation")),
    words("stability") && el("p", null, el("span", { class: "badge" }, words("stability"))),
    el("p", { class: "facts" }, facts.join(" · ")),
    evidence?.error && el("p", { class: "facts" }, `error ${evidence.error} tolerances`),
  );
}

const STANDING = { new: "new failure", known: "known failure", fixed: "known failure, now fixed" };

/** Whether a failure is new or known; the reason of a known failure is no reason of another one. */
function standing(s, c, reason) {
  const word = STANDING[standingOf(s, c)];
  if (!word && !reason) return null;
  const about = word === STANDING.known || word === STANDING.fixed;
  return el(
    "p",
    null,
    word && el("span", { class: "badge" }, word),
    word && " ",
    reason && (about ? reason : el("span", { class: "quiet" }, `Another failure is known here, which this is not: ${reason}`)),
  );
}

function noEvidence(s, c) {
  const outcome = outcomeOf(s, c);
  const text =
    outcome === "pass"
      ? "The clause holds on every example; nothing else was stored."
      : "No evidence was stored with this result.";
  return el("p", { class: "quiet" }, D.subjects[s].problem || text);
}

function evidenceBlocks(evidence, name) {
  return [
    el("h2", { class: "of" }, `Evidence against ${name}`),
    evidence.claim && el("p", { class: "claim" }, `Compared: ${evidence.claim}.`),
    gauge(evidence.error),
    evidence.inputs?.length && block("Inputs", evidence.inputs.map(written).join("\n"), true),
    comparison(evidence),
    stepTable(evidence.witness),
    evidence.program && block("Program", evidence.program, true),
    evidence.script && block("Stand-alone script", evidence.script, true),
    evidence.trace && block("Trace", evidence.trace, true),
  ].filter(Boolean);
}

/** An array as Python writes it, with its name, dtype and shape. */
function written(array) {
  return `${array.name || "x"}  ${array.dtype || ""} ${shapeText(array.shape)} = ${nested(array.values || [], array.shape || [])}`;
}

function shapeText(shape) {
  return !shape || !shape.length ? "()" : `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
}

function nested(values, shape) {
  if (!shape.length) return values[0] ?? "";
  if (shape.length === 1) return `[${values.join(", ")}]`;
  const size = shape.slice(1).reduce((product, side) => product * side, 1);
  const rows = Array.from({ length: shape[0] }, (_, i) =>
    nested(values.slice(i * size, (i + 1) * size), shape.slice(1)),
  );
  return `[${rows.join(",\n ")}]`;
}

const REAL = "[-+]?(?:inf|nan|\\d[\\d.]*(?:e[-+]?\\d+)?)";
const NUMBER = new RegExp(`^\\(?(${REAL})?(?:(${REAL})j)?\\)?$`);

/** The real and the imaginary part of Python's number in text; null of what is none, such as True. */
function parts(text, dtype) {
  const found = text && NUMBER.exec(text);
  if (!found) return null;
  const exact = dtype === "float32" || dtype === "complex64" ? Math.fround : (v) => v;
  return [found[1], found[2]].map((it) => exact(number(it || "0")));
}

/** Python's real number in text, with inf and nan. */
function number(text) {
  const named = { inf: Infinity, "-inf": -Infinity, "+inf": Infinity };
  return text in named ? named[text] : Number(text);
}

/** Error in tolerances, on a logarithmic scale: left of the line rounding can explain it, right of it nothing can. */
function gauge(error) {
  const value = Math.abs(number(error || "x"));
  if (!error || Number.isNaN(value)) return null;
  const place = (v) => 20 + 560 * Math.min(Math.max((Math.log10(v || 1e-3) + 2) / 12, 0), 1);
  const graph = svg("svg", {
    viewBox: "0 0 600 56",
    class: "gauge",
    role: "img",
    "aria-label": `error ${error} tolerances`,
  });
  graph.append(
    svg("rect", { class: "inside", x: 20, y: 18, width: place(1) - 20, height: 8 }),
    svg("rect", { class: "outside", x: place(1), y: 18, width: 580 - place(1), height: 8 }),
  );
  for (let power = -2; power <= 10; power += 2) {
    const x = place(10 ** power);
    const label = svg("text", { x, y: 48, "text-anchor": "middle" });
    label.textContent = power === 0 ? "1" : power > 3 ? `1e${power}${power === 10 ? "+" : ""}` : String(10 ** power);
    graph.append(svg("path", { d: `M${x} 14V30`, class: power === 0 ? "one" : "tick" }), label);
  }
  const x = place(value);
  graph.append(svg("path", { class: "needle", d: `M${x} 28L${x - 6} 4H${x + 6}Z` }));
  return el(
    "figure",
    { class: "gauge-box" },
    graph,
    el(
      "figcaption",
      null,
      `At the worst entry the error is ${error} tolerances. Up to 1, rounding can explain it.`,
    ),
  );
}

const COLUMNS = {
  got: "got",
  expected: "expected",
  units: "error / tolerance",
  tolerance: "tolerance",
  witness: "second witness",
};

/** Got, expected and tolerance, entry by entry; the one that was judged is marked, and has the second witness. */
function comparison(evidence) {
  const { expected, got, index, witness } = evidence;
  if (expected && got && shapeText(expected.shape) !== shapeText(got.shape))
    return block("Expected and got have different shapes", [expected, got].map(written).join("\n"), true);
  const array = got || expected;
  if (!array) return null;
  const shape = array.shape || [];
  const length = (array.values || []).length;
  const bad = index ? index.reduce((flat, i, axis) => flat * shape[axis] + i, 0) : -1;
  const from = Math.max(0, Math.min(bad - MOST_ENTRIES / 2, length - MOST_ENTRIES));
  const to = Math.min(length, from + MOST_ENTRIES);
  const units = expected && got && evidence.tolerance;
  const names = Object.keys(COLUMNS).filter((name) => (name === "units" ? units : evidence[name]));
  const rows = [];
  for (let at = from; at < to; at++) rows.push(entry(evidence, names, shape, at, at === bad));
  const heads = ["index", ...names.map((name) => COLUMNS[name])].map((it) => el("th", { scope: "col" }, it));
  const title = `${expected && got ? "Got and expected" : expected ? "Expected" : "Got"}, ${array.dtype || ""} ${shapeText(shape)}`;
  const table = el("table", { class: "numbers" }, el("thead", null, el("tr", null, heads)), el("tbody", null, rows));
  return el(
    "section",
    { class: "block" },
    el("h3", null, title),
    witness && el("p", { class: "heard" }, hearing(witness, index, evidence.claim)),
    evidence.sides?.length &&
      el("p", { class: "heard" }, `In the names of the script, got is ${evidence.sides[0]}, and expected is ${evidence.sides[1]}.`),
    to - from < length ? el("p", { class: "quiet" }, `Entries ${from} to ${to - 1} of ${length}.`) : "",
    el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": title }, table),
  );
}

/** What the second witness says, and of which entry: it was heard about no other. */
function hearing(witness, index, claim) {
  const inDigits = claim === "value" ? "plain numpy" : "finite differences in many digits";
  const who = witness.steps?.length ? "finite differences" : inDigits;
  const where = index?.length ? `At [${index.join(", ")}]` : "Here";
  return `${where} the second witness, ${who}, says ${witness.value}, give or take ${witness.error}.`;
}

function entry(evidence, names, shape, at, bad) {
  const shown = (name) => {
    if (name === "witness") return bad ? evidence.witness.value : "";
    return evidence[name]?.values?.[at] ?? "";
  };
  const { units, wrong } = names.includes("units")
    ? apart(shown("got"), shown("expected"), shown("tolerance"), evidence.got.dtype)
    : {};
  const index = shape.length ? `[${indexOf(at, shape).join(", ")}]` : "()";
  return el(
    "tr",
    { class: bad ? "bad" : wrong ? "wrong" : null },
    el("th", { scope: "row" }, bad ? "▶ " : "", index),
    names.map((name) =>
      name === "units" ? el("td", { class: "units" }, wrong ? "✕ " : "", units) : el("td", { class: name }, shown(name)),
    ),
  );
}

function indexOf(at, shape) {
  const index = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(at % shape[axis]);
    at = Math.floor(at / shape[axis]);
  }
  return index;
}

/** How far two numbers are apart, in tolerances, and whether that is too far. */
function apart(got, expected, tolerance, dtype) {
  const [a, b] = [parts(got, dtype), parts(expected)];
  if (!a || !b) return got === expected ? { units: "0", wrong: false } : { units: "differs", wrong: true };
  const same = (a[0] === b[0] && a[1] === b[1]) || (a.some(Number.isNaN) && b.some(Number.isNaN));
  if (same || number(tolerance) === Infinity) return { units: "0", wrong: false };
  const distance = Math.hypot(a[0] - b[0], a[1] - b[1]) / number(tolerance);
  return { units: Number.isFinite(distance) ? distance.toPrecision(3) : "not finite", wrong: !(distance <= 1) };
}

function stepTable(witness) {
  if (!witness?.steps?.length) return null;
  const title = "Finite difference, step by step";
  const heads = ["step", "estimate", "its error, estimated"].map((it) => el("th", { scope: "col" }, it));
  const rows = witness.steps.map(({ step, estimate, error, taken }) =>
    el(
      "tr",
      { class: taken ? "best" : null },
      el("th", { scope: "row" }, taken ? "▸ " : "", step),
      [estimate, error].map((it) => el("td", null, it)),
    ),
  );
  return el(
    "section",
    { class: "block" },
    el("h3", null, title),
    el(
      "p",
      { class: "quiet" },
      "The steps that the second witness tried. The marked one balances truncation against roundoff; half of it shows whether that can be believed.",
    ),
    el(
      "div",
      { class: "wide", tabindex: 0, role: "region", "aria-label": title },
      el("table", { class: "numbers steps" }, el("thead", null, el("tr", null, heads)), el("tbody", null, rows)),
    ),
  );
}
