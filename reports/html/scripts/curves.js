// Curves: f, its derivative by the reference as a broad line, and the backend's gradient as dots upon it.
// Agreement is dots that stay on the line; a dot that leaves it is crossed.

const CURVES = { all: null };

async function drawCurves(operation, backend) {
  CURVES.all ||= await unpack("curves");
  const turn = location.hash;
  const all = CURVES.all;
  if (!all.length) {
    $("curves").replaceChildren(el("h1", null, "Curves"), el("p", null, "This run recorded no curves."));
    return;
  }
  const backends = [...new Set(all.map((it) => it.subject))];
  const wanted = D.subjects.findIndex(({ name }) => name === backend);
  const subject = backends.includes(wanted) ? wanted : (all.find((it) => it.operation === operation) || all[0]).subject;
  const mine = all.filter((it) => it.subject === subject);
  const first = mine.find((it) => it.operation === operation) || mine[0];
  if (turn !== location.hash) return;
  const rest = mine.filter((it) => it !== first);
  $("curves").replaceChildren(
    el("h1", null, "Curves"),
    el("p", { class: "lead" }, "A function, its derivative, and what the backend says its derivative is."),
    backends.length > 1
      ? el(
          "p",
          { class: "choice", role: "group", "aria-label": "Backend" },
          backends.map((s) =>
            el(
              "a",
              {
                class: "button small",
                href: curveLink(first.operation, s),
                "aria-current": s === subject ? "true" : null,
              },
              D.subjects[s].name,
            ),
          ),
        )
      : "",
    hero(first),
    el(
      "ul",
      { class: "plots" },
      rest.map((curve) => smallPlot(curve)),
    ),
  );
}

function curveLink(operation, subject) {
  return `#/curves/${encodeURIComponent(operation)}/${encodeURIComponent(D.subjects[subject].name)}`;
}

/** Scales of a plot. The height follows the bulk of the values: a pole must not flatten all the rest. */
function scales(curve, width, height, pad) {
  const finite = [...curve.value, ...curve.gradient, ...curve.reference]
    .filter((v) => v !== null)
    .sort((a, b) => a - b);
  const at = (share) => finite[Math.round(share * (finite.length - 1))] ?? 0;
  let [low, high] = [at(0), at(1)];
  const [near, far] = [at(0.04), at(0.96)];
  if (high - low > 4 * (far - near))
    [low, high] = [Math.max(low, near - (far - near) / 2), Math.min(high, far + (far - near) / 2)];
  if (high - low < 1e-12) [low, high] = [low - 1, high + 1];
  const margin = 0.12 * (high - low);
  [low, high] = [low - margin, high + margin];
  const [left, right] = [curve.x[0], curve.x[curve.x.length - 1]];
  const span = right - left || 1;
  return {
    width,
    height,
    pad,
    low,
    high,
    left,
    right,
    x: (v) => pad.left + ((v - left) / span) * (width - pad.left - pad.right),
    y: (v) => height - pad.bottom - ((v - low) / (high - low)) * (height - pad.top - pad.bottom),
  };
}

function round(v) {
  return Math.round(v * 100) / 100;
}

/** A path through points; it breaks at a gap and at a jump through the whole height, such as a pole of tan. */
function path(xs, ys, s) {
  let d = "",
    pen = false,
    before = 0;
  for (let i = 0; i < xs.length; i++) {
    if (ys[i] === null || ys[i] === undefined) {
      pen = false;
      continue;
    }
    const y = Math.min(Math.max(s.y(ys[i]), -s.height), 2 * s.height);
    if (pen && Math.abs(y - before) > s.height) pen = false;
    d += `${pen ? "L" : "M"}${round(s.x(xs[i]))} ${round(y)}`;
    pen = true;
    before = y;
  }
  return d;
}

/** Dots, about `many` of them, and crosses for the gradients that visibly leave the reference. */
function dots(curve, s, many) {
  const every = Math.max(1, Math.round(curve.x.length / many));
  let good = "",
    bad = "";
  curve.x.forEach((x, i) => {
    const got = curve.gradient[i],
      expected = curve.reference[i];
    if (got === null) return;
    const [px, py] = [round(s.x(x)), round(s.y(got))];
    const off = expected !== null && Math.abs(s.y(got) - s.y(expected)) > 3;
    if (off && i % Math.max(1, every >> 1) === 0) bad += `M${px - 3} ${py - 3}l6 6M${px + 3} ${py - 3}l-6 6`;
    else if (!off && i % every === 0) good += `M${px} ${py}h0`;
  });
  return [good, bad];
}

function ticks(low, high, many) {
  const raw = (high - low) / many;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((it) => it * power).find((it) => it >= raw);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9 * step; v += step)
    found.push(Math.abs(v) < step * 1e-6 ? 0 : v);
  return found;
}

function label(v) {
  return String(Number(v.toPrecision(4))).replace("-", "−");
}

let clips = 0;

function plot(curve, width, height, pad, detailed) {
  const s = scales(curve, width, height, pad);
  const graph = svg("svg", {
    viewBox: `0 0 ${width} ${height}`,
    class: "plot",
    role: "img",
    "aria-label": `${curve.operation} and its gradient`,
  });
  const clip = `clip-${++clips}`;
  graph.append(
    svg(
      "clipPath",
      { id: clip },
      svg("rect", {
        x: pad.left - 4,
        y: pad.top,
        width: width - pad.left - pad.right + 8,
        height: height - pad.top - pad.bottom,
      }),
    ),
  );
  let grid = "";
  for (const v of ticks(s.left, s.right, detailed ? 8 : 3)) {
    grid += `M${round(s.x(v))} ${pad.top}V${height - pad.bottom}`;
    graph.append(words(label(v), s.x(v), height - pad.bottom + (detailed ? 20 : 15), "middle"));
  }
  for (const v of ticks(s.low, s.high, detailed ? 5 : 3)) {
    grid += `M${pad.left} ${round(s.y(v))}H${width - pad.right}`;
    graph.append(words(label(v), pad.left - 8, s.y(v) + 4, "end"));
  }
  graph.append(svg("path", { class: "grid", d: grid }));
  if (s.low < 0 && s.high > 0)
    graph.append(svg("path", { class: "axis", d: `M${pad.left} ${round(s.y(0))}H${width - pad.right}` }));
  const inside = svg("g", { "clip-path": `url(#${clip})` });
  const [good, bad] = dots(curve, s, detailed ? 56 : 26);
  inside.append(
    svg("path", { class: "reference", d: path(curve.x, curve.reference, s) }),
    svg("path", { class: "value", d: path(curve.x, curve.value, s) }),
    svg("path", { class: "gradient", d: good }),
  );
  if (bad) inside.append(svg("path", { class: "off", d: bad }));
  graph.append(inside);
  return { graph, scales: s, inside };
}

function words(text, x, y, anchor) {
  const node = svg("text", { x: round(x), y: round(y), "text-anchor": anchor });
  node.textContent = text;
  return node;
}

function distance(curve) {
  const missing = curve.missing ? `; ${curve.missing} gradients are missing` : "";
  if (curve.distance === null) return "no gradient to compare";
  return curve.distance === 0
    ? `equal to the last bit${missing}`
    : `largest distance ${curve.distance.toExponential(1)}${missing}`;
}

/** The large plot, with a tangent to slide along the curve: its slope is the gradient. */
function hero(curve) {
  const narrow = innerWidth < 600;
  const {
    graph,
    scales: s,
    inside,
  } = narrow
    ? plot(curve, 380, 300, { left: 40, right: 10, top: 12, bottom: 28 }, false)
    : plot(curve, 1000, 430, { left: 56, right: 20, top: 16, bottom: 34 }, true);
  const tangent = svg("path", { class: "tangent" });
  const here = svg("circle", { class: "here", r: 5 });
  const there = svg("circle", { class: "there", r: 6 });
  const plumb = svg("path", { class: "plumb" });
  inside.append(plumb, tangent, here, there);
  const readout = el("output", { class: "readout", for: "slide" });
  const slider = el("input", {
    id: "slide",
    type: "range",
    min: 0,
    max: curve.x.length - 1,
    value: Math.round(curve.x.length * 0.6),
    "aria-label": "Where to read the plot",
  });
  const name = D.subjects[curve.subject].name;
  const move = () => {
    const i = Number(slider.value);
    const [x, y, slope, reference] = [curve.x[i], curve.value[i], curve.gradient[i], curve.reference[i]];
    const has = y !== null && slope !== null;
    for (const node of [tangent, here, there, plumb]) node.style.display = has ? "" : "none";
    readout.textContent = `x = ${number5(x)}   f = ${number5(y)}   ${name} says f′ = ${number5(slope)}   reference ${number5(reference)}`;
    if (!has) return;
    const scale = (s.y(1) - s.y(0)) / (s.x(1) - s.x(0));
    const run = (narrow ? 46 : 95) / Math.hypot(1, slope * scale);
    tangent.setAttribute(
      "d",
      `M${round(s.x(x) - run)} ${round(s.y(y) - run * slope * scale)}l${round(2 * run)} ${round(2 * run * slope * scale)}`,
    );
    plumb.setAttribute("d", `M${round(s.x(x))} ${round(s.y(y))}V${round(s.y(slope))}`);
    place(here, s.x(x), s.y(y));
    place(there, s.x(x), s.y(slope));
  };
  slider.addEventListener("input", move);
  graph.addEventListener("pointermove", (event) => {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(graph.getScreenCTM().inverse());
    const share = (point.x - s.x(s.left)) / (s.x(s.right) - s.x(s.left));
    slider.value = Math.round(share * (curve.x.length - 1));
    move();
  });
  move();
  return el(
    "figure",
    { class: "hero" },
    el(
      "figcaption",
      null,
      el("h2", null, curve.operation, el("small", null, ` ${curve.dtype}`)),
      el(
        "p",
        { class: "key" },
        el("span", { class: "k-value" }, `f = ${curve.operation}`),
        el("span", { class: "k-reference" }, "f′, reference"),
        el("span", { class: "k-gradient" }, `f′, ${name}`),
      ),
    ),
    graph,
    el("div", { class: "slide" }, slider),
    readout,
    el(
      "p",
      { class: "facts" },
      `${curve.x.length} points; ${distance(curve)}. The straight line is the tangent: its slope is the gradient.`,
    ),
  );
}

function place(node, x, y) {
  node.setAttribute("cx", round(x));
  node.setAttribute("cy", round(y));
}

function number5(v) {
  return v === null || v === undefined ? "none" : label(v);
}

const nearby = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) target.fill(isIntersecting);
  },
  { rootMargin: "300px" },
);

/** A small plot is drawn when it comes near, and dropped when it is far: sixty at once would be heavy. */
function smallPlot(curve) {
  const frame = el("div", { class: "frame" });
  frame.fill = (near) =>
    frame.replaceChildren(
      ...(near ? [plot(curve, 300, 190, { left: 42, right: 8, top: 8, bottom: 22 }, false).graph] : []),
    );
  nearby.observe(frame);
  return el(
    "li",
    null,
    el(
      "a",
      { href: curveLink(curve.operation, curve.subject), onclick: () => scrollTo(0, 0) },
      el("h3", null, curve.operation, el("small", null, ` ${curve.dtype}`)),
      frame,
      el("p", { class: "facts" }, distance(curve)),
    ),
  );
}
