// pipelines/report/report_page.js -- numbers under the pointer, samples to read, and a check of the page itself.
"use strict";
(function () {
  let errors = 0;
  const root = document.documentElement;
  window.addEventListener("error", function () { errors++; root.dataset.selfcheck = "error"; });
  const data = JSON.parse(document.getElementById("data").textContent);

  function el(name, cls, text) {
    const e = document.createElement(name);
    if (cls) e.className = cls;
    if (text !== undefined) e.textContent = text;
    return e;
  }
  function number(v) {
    if (v === null || v === undefined) return "–";
    const a = Math.abs(v);
    if (a >= 1e6) return (v / 1e6).toPrecision(3) + "M";
    if (a >= 1e4) return (v / 1e3).toPrecision(3) + "k";
    if (a !== 0 && a < 1e-3) return v.toExponential(1);
    return String(+v.toPrecision(4));
  }

  // ---- the numbers under the pointer
  const tip = el("div", "tip");
  tip.hidden = true;
  document.body.append(tip);
  let drawn = 0;
  for (const svg of document.querySelectorAll("svg.chart")) {
    const chart = data.charts[svg.id];
    if (svg.childElementCount > 0) drawn++;
    if (!chart || !chart.lines.length) continue;
    const cursor = svg.querySelector(".cursor");
    const left = +svg.dataset.left, right = +svg.dataset.right;
    const log2 = svg.dataset.log2 === "1";
    let x0 = +svg.dataset.x0, x1 = +svg.dataset.x1;
    if (log2) { x0 = Math.log2(x0); x1 = Math.log2(x1); }
    svg.addEventListener("pointermove", function (event) {
      const frame = svg.getBoundingClientRect();
      const px = (event.clientX - frame.left) * svg.viewBox.baseVal.width / frame.width;
      const at = x0 + (px - left) / (right - left) * (x1 - x0);
      let best = null;
      for (const line of chart.lines) for (let i = 0; i < line.x.length; i++) {
        if (line.y[i] === null) continue;
        const x = log2 ? Math.log2(line.x[i]) : line.x[i];
        if (best === null || Math.abs(x - at) < Math.abs(best.x - at)) best = { x: x, step: line.x[i] };
      }
      if (!best) return;
      const sx = left + (x1 > x0 ? (best.x - x0) / (x1 - x0) : 0.5) * (right - left);
      if (cursor) {
        cursor.setAttribute("x1", sx);
        cursor.setAttribute("x2", sx);
        cursor.style.visibility = "visible";
      }
      let text = chart.x_label + " " + best.step;
      for (const line of chart.lines) {
        const i = line.x.indexOf(best.step);
        if (i >= 0 && line.y[i] !== null) text += "\n" + line.label + "  " + number(line.y[i]);
      }
      tip.textContent = text;
      tip.hidden = false;
      const w = tip.offsetWidth;
      tip.style.left = Math.min(event.clientX + 14, window.innerWidth - w - 8) + "px";
      tip.style.top = event.clientY + 16 + "px";
    });
    svg.addEventListener("pointerleave", function () {
      tip.hidden = true;
      if (cursor) cursor.style.visibility = "hidden";
    });
  }

  // ---- the same prompt over the steps
  const home = document.getElementById("samples");
  if (home && data.samples.length) {
    const pick = document.getElementById("pick-prompt");
    const verdict = document.getElementById("pick-verdict");
    const words = document.getElementById("pick-words");
    const prompts = new Map();
    for (const s of data.samples) {
      const key = s.run + "\u0000" + s.id;
      if (!prompts.has(key)) prompts.set(key, []);
      prompts.get(key).push(s);
    }
    for (const list of prompts.values()) list.sort(function (a, b) { return a.step - b.step; });

    // What tells the prompts apart: they begin with the same template.
    const asked = [...prompts.values()].map(function (list) { return list[0].input; });
    let same = 0;
    function goes_on(t) { return same < t.length && t[same] === asked[0][same]; }
    while (prompts.size > 1 && asked.every(goes_on)) same++;
    if (asked.some(function (t) { return t.length === same; })) same = 0;
    function name_of(s) {
      return (s.of ? s.of + ": " : "") + s.input.slice(same).replace(/\s+/g, " ").slice(0, 120);
    }

    // Marks thinking and boxes; everything goes in as text, never as markup.
    function say(text) {
      const box = el("div", "say");
      const parts = text.split(/(<think>|<\/think>|\\boxed\{[^}]*\})/);
      let thinking = false;
      for (const part of parts) {
        if (!part) continue;
        if (part === "<think>") thinking = true;
        const boxed = part.startsWith("\\boxed{");
        box.append(el("span", boxed ? "box" : thinking ? "think" : "", part));
        if (part === "</think>") thinking = false;
      }
      return box;
    }
    function card(s) {
      const turn = el("article", "turn");
      const head = el("header");
      const leftSide = el("span", "", "step " + s.step + " · " + s.length + " tokens");
      head.append(leftSide, el("span", "tag " + s.verdict, s.verdict));
      turn.append(head, say(s.output));
      if (s.finish !== "stop") turn.append(el("div", "sub", "ended by: " + s.finish));
      return turn;
    }
    function wanted(s) {
      if (verdict.value !== "all" && s.verdict !== verdict.value) return false;
      const w = words.value.trim().toLowerCase();
      return !w || (s.input + "\n" + s.output).toLowerCase().includes(w);
    }
    function fill() {
      const before = pick.value;
      pick.textContent = "";
      for (const [key, list] of prompts) {
        const hits = list.filter(wanted).length;
        if (!hits) continue;
        const o = el("option", "", name_of(list[0]) + "  (" + hits + ")");
        o.value = key;
        pick.append(o);
      }
      if ([...pick.options].some(function (o) { return o.value === before; })) pick.value = before;
      show();
    }
    function show() {
      home.textContent = "";
      const list = prompts.get(pick.value);
      if (!list) { home.append(el("p", "sub", "No sample matches.")); return; }
      const ask = el("p", "prompt");
      ask.append(el("span", "", "prompt  "), document.createTextNode(list[0].input),
        el("span", "", "   right answer  "), document.createTextNode(list[0].gts));
      const story = el("div", "story");
      story.tabIndex = 0;
      story.setAttribute("role", "group");
      story.setAttribute("aria-label", "responses to this prompt, step by step");
      for (const s of list) if (wanted(s)) story.append(card(s));
      home.append(ask, story);
    }
    pick.addEventListener("change", show);
    verdict.addEventListener("change", fill);
    words.addEventListener("input", fill);
    fill();
  }
  if (!errors) root.dataset.selfcheck = "ok charts=" + drawn + " samples=" + data.samples.length;
})();
