"use strict";
// All content is there without this script. It adds searching, filtering, and zooming.
document.documentElement.classList.add("scripted");

// Searching and filtering.
const search = document.getElementById("search");
const found = document.getElementById("found");
const boxes = [...document.querySelectorAll(".levels input")];
document.querySelector(".search").hidden = false;

function filter() {
  const wanted = search.value.trim().toLowerCase();
  const hidden = new Set(boxes.filter((box) => !box.checked).map((box) => box.value));
  const matches = (element) => !wanted || element.textContent.toLowerCase().includes(wanted);
  let count = 0;
  const show = (element, shown) => {
    element.classList.toggle("gone", !shown);
    count += shown ? 1 : 0;
    return shown;
  };
  for (const log of document.querySelectorAll(".log")) {
    let any = false;
    for (const line of log.querySelectorAll("li:not(.left-out)")) {
      const kind = ["stdout", "stderr", "build"].includes(line.className.split(" ")[0]) ? "output" : line.className.split(" ")[0];
      any = show(line, !hidden.has(kind) && matches(line)) || any;
    }
    if (wanted && any) log.open = true;
  }
  for (const row of document.querySelectorAll(".step .call, .step .part")) show(row, matches(row));
  found.textContent = wanted ? (count === 1 ? "1 found" : `${count} found`) : "";
}
let waiting = 0;
search.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(filter, 150);
});
for (const box of boxes) box.addEventListener("change", filter);
document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof HTMLInputElement;
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && event.target === search) {
    search.value = "";
    filter();
  }
});

// Zooming.
const SVG = "http://www.w3.org/2000/svg";
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 1.5e4, 3e4, 6e4, 1.2e5, 3e5, 6e5, 9e5, 1.8e6, 3.6e6];

function label(ms, step) {
  if (ms === 0) return "0";
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  if (ms < 1e3) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 6e4) return `${(ms / 1e3).toFixed(step < 10 ? 3 : step < 100 ? 2 : step < 1e3 ? 1 : 0)} s`;
  if (step < 1e3) return `${Math.floor(ms / 6e4)}:${two((ms % 6e4) / 1e3)}.${String(Math.round(ms % 1e3)).padStart(3, "0")}`;
  if (ms < 3.6e6) return `${Math.floor(ms / 6e4)}:${two((ms % 6e4) / 1e3)} min`;
  return `${Math.floor(ms / 3.6e6)}:${two((ms % 3.6e6) / 6e4)} h`;
}

function make(parent, name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

function zoomable(timeline) {
  const span = Number(timeline.dataset.span);
  const ticks = timeline.querySelector(".ticks");
  const grid = timeline.querySelector(".grid");
  const bars = [...timeline.querySelectorAll(".bar")].map((bar) => {
    const begin = parseFloat(bar.getAttribute("x"));
    return { bar, begin, end: begin + parseFloat(bar.getAttribute("width")) };
  });
  let from = 0, to = 100;

  const place = (percent) => ((percent - from) / (to - from)) * 100;
  function draw() {
    for (const { bar, begin, end } of bars) {
      const left = Math.max(place(begin), -1), right = Math.min(place(end), 101);
      bar.classList.toggle("gone", right < 0 || left > 100);
      bar.setAttribute("x", `${left}%`);
      bar.setAttribute("width", `${Math.max(right - left, 0)}%`);
    }
    const shown = (span * (to - from)) / 100;
    const step = STEPS.find((step) => step * 8 >= shown) ?? 3.6e6 * Math.ceil(shown / 3.6e6 / 8);
    ticks.replaceChildren();
    grid.replaceChildren();
    const first = Math.ceil((span * from) / 100 / step);
    for (let number = first; number * step <= (span * to) / 100; number++) {
      const at = place((number * step * 100) / span);
      make(grid, "line", { x1: `${at}%`, x2: `${at}%`, y1: "0", y2: "100%" });
      if (at <= 94) make(ticks, "text", { x: `${at}%`, y: "70%", "text-anchor": at < 4 ? "start" : "middle" }, label(number * step, step));
    }
    buttons.out.disabled = buttons.all.disabled = from === 0 && to === 100;
    buttons.in.disabled = (span * (to - from)) / 100 <= 2;
    buttons.left.disabled = from === 0;
    buttons.right.disabled = to === 100;
  }
  function set(begin, end) {
    const width = Math.min(100, Math.max(end - begin, Math.min(100, 100 / span)));
    from = Math.min(Math.max(begin, 0), 100 - width);
    to = from + width;
    if (width > 99.9) [from, to] = [0, 100];
    draw();
  }
  const middle = () => (from + to) / 2, half = () => (to - from) / 2;
  const buttons = {};
  const holder = timeline.querySelector(".zoom");
  for (const [name, text, title, act] of [
    ["in", "+", "Zoom in", () => set(middle() - half() / 2, middle() + half() / 2)],
    ["out", "−", "Zoom out", () => set(middle() - half() * 2, middle() + half() * 2)],
    ["left", "◂", "Earlier", () => set(from - half(), to - half())],
    ["right", "▸", "Later", () => set(from + half(), to + half())],
    ["all", "all", "Show all", () => set(0, 100)],
  ]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.title = title + (name === "in" ? ", or drag along the axis" : "");
    button.setAttribute("aria-label", title);
    button.addEventListener("click", act);
    holder.append(button);
    buttons[name] = button;
  }

  // A part of the axis that is dragged over is shown alone.
  const at = (event) => {
    const box = ticks.getBoundingClientRect();
    return from + (Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1)) * (to - from);
  };
  let begun = null, selection = null;
  ticks.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    ticks.setPointerCapture(event.pointerId);
    begun = at(event);
    selection = make(ticks, "rect", { class: "selection", y: "0", height: "100%", width: "0" });
  });
  ticks.addEventListener("pointermove", (event) => {
    if (begun === null) return;
    const [left, right] = [begun, at(event)].sort((a, b) => a - b).map(place);
    selection.setAttribute("x", `${left}%`);
    selection.setAttribute("width", `${right - left}%`);
  });
  const drop = (event, is_kept) => {
    if (begun === null) return;
    const [left, right] = [begun, at(event)].sort((a, b) => a - b);
    begun = null;
    selection.remove();
    if (is_kept && place(right) - place(left) > 1) set(left, right);
  };
  ticks.addEventListener("pointerup", (event) => drop(event, true));
  ticks.addEventListener("pointercancel", (event) => drop(event, false));
  ticks.addEventListener("dblclick", () => set(0, 100));

  // The line below the pointer.
  const rows = timeline.querySelector(".rows");
  let cursor = null;
  rows.addEventListener("pointermove", (event) => {
    if (!cursor?.isConnected) cursor = make(grid, "line", { class: "cursor", y1: "0", y2: "100%" });
    const box = grid.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * 100;
    cursor.classList.toggle("gone", x < 0 || x > 100);
    cursor.setAttribute("x1", `${x}%`);
    cursor.setAttribute("x2", `${x}%`);
  });
  rows.addEventListener("pointerleave", () => cursor?.remove());
  draw();
}
for (const timeline of document.querySelectorAll(".timeline[data-span]")) zoomable(timeline);
