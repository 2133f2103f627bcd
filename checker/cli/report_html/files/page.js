"use strict";
// What the page shows stands in it already. This steps through it, zooms, and opens what a link leads to.
(() => {
  const limit = (value, low, high) => Math.min(high, Math.max(low, value));

  /* The player: every element of a violation with data-step belongs to one step of its run. */

  const playerOf = (element) => element.closest(".violation")?.querySelector(".player");
  const stepOf = (player) => Number(player.querySelector("input[type=range]").value);

  function show(player, wanted) {
    const range = player.querySelector("input[type=range]");
    const last = Number(range.max);
    const step = limit(wanted, 0, last);
    range.value = step;
    for (const element of player.closest(".violation").querySelectorAll("[data-step]")) {
      element.classList.toggle("now", Number(element.dataset.step) === step);
    }
    const operation = player.querySelector(".steps > li.now .operation").textContent;
    const broken = [...player.querySelectorAll(".steps > li.now .breaks")].map((line) => line.textContent);
    player.querySelector("output").textContent = [`step ${step} of ${last}: ${operation}`, ...broken].join("; ");
    range.setAttribute("aria-valuetext", `step ${step}: ${operation}`);
    for (const button of player.querySelectorAll("[data-go]")) {
      const stuck = ["first", "back"].includes(button.dataset.go) ? step === 0 : step === last;
      button.setAttribute("aria-disabled", String(stuck));
    }
    keepInSight(player);
  }

  function keepInSight(player) {
    const box = player.querySelector(".lanes-box");
    const column = box?.querySelector("thead th.now");
    if (!column || box.scrollWidth <= box.clientWidth) return;
    const names = box.querySelector("thead th").offsetWidth;
    const left = column.offsetLeft - names, right = column.offsetLeft + column.offsetWidth - box.clientWidth;
    box.scrollLeft = limit(box.scrollLeft, right, left);
  }

  const targets = {
    first: () => 0,
    back: (step) => step - 1,
    on: (step) => step + 1,
    last: () => Infinity,
  };
  const keys = { ArrowLeft: "back", ArrowRight: "on", Home: "first", End: "last" };

  const go = (player, where) => show(player, targets[where](stepOf(player)));

  /* The graph: zooming changes its size, and the box around it scrolls. */

  function zoom(graph, how) {
    const box = graph.querySelector(".graph-box");
    const drawing = box.querySelector("svg");
    const whole = drawing.viewBox.baseVal;
    const fit = Math.min(1, (box.clientWidth - 2) / whole.width);
    const now = drawing.getBoundingClientRect().width / whole.width;
    const next = how === "fit" ? fit : limit(how === "in" ? now * 1.4 : now / 1.4, Math.min(fit, 0.1), 6);
    const middle = (box.scrollLeft + box.clientWidth / 2) / now, height = (box.scrollTop + box.clientHeight / 2) / now;
    drawing.setAttribute("width", Math.round(whole.width * next));
    drawing.setAttribute("height", Math.round(whole.height * next));
    box.scrollTo(middle * next - box.clientWidth / 2, height * next - box.clientHeight / 2);
  }

  const zoomKeys = { "+": "in", "=": "in", "-": "out", "0": "fit" };
  let drag = null;

  document.addEventListener("pointerdown", (event) => {
    const box = event.target.closest(".graph-box");
    if (!box || event.button !== 0 || event.pointerType === "touch") return;
    drag = { box, x: event.clientX + box.scrollLeft, y: event.clientY + box.scrollTop };
    box.classList.add("dragged");
  });
  document.addEventListener("pointermove", (event) => {
    if (drag) drag.box.scrollTo(drag.x - event.clientX, drag.y - event.clientY);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => {
      drag?.box.classList.remove("dragged");
      drag = null;
    });
  }
  document.addEventListener("wheel", (event) => {
    const graph = event.target.closest(".graph-box")?.closest(".graph");
    if (!graph || !event.ctrlKey) return;
    event.preventDefault();
    zoom(graph, event.deltaY < 0 ? "in" : "out");
  }, { passive: false });

  /* Mouse and keys. */

  async function copy(button) {
    const text = button.parentElement.querySelector("pre");
    getSelection().selectAllChildren(text);
    try {
      await navigator.clipboard.writeText(text.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Selected";
    }
  }

  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button");
    if (pressed?.dataset.go) return go(playerOf(pressed), pressed.dataset.go);
    if (pressed?.dataset.zoom) return zoom(pressed.closest(".graph"), pressed.dataset.zoom);
    if (pressed?.dataset.all) return openAll(pressed.dataset.all === "open", "details.violation");
    if (pressed && "copy" in pressed.dataset) return void copy(pressed);
    const step = event.target.closest("[data-step]");
    const player = step && playerOf(step);
    if (player && String(getSelection()) === "") show(player, Number(step.dataset.step));
  });

  document.addEventListener("input", (event) => {
    if (event.target.matches(".player input[type=range]")) show(playerOf(event.target), stepOf(playerOf(event.target)));
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
    const box = event.target.closest(".graph-box");
    if (box) {
      if (zoomKeys[event.key]) zoom(box.closest(".graph"), zoomKeys[event.key]);
      return;
    }
    if (event.target.closest("pre, input")) return; // these have a use of their own for the keys
    const player = playerOf(event.target);
    if (!player || !keys[event.key] || !player.closest("details").open) return;
    event.preventDefault();
    go(player, keys[event.key]);
  });

  /* Links lead into what is closed; paper shows everything. */

  function openAll(wanted, which) {
    for (const element of document.querySelectorAll(which)) element.open = wanted;
  }

  function openTarget() {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target && target.matches("details")) {
      target.open = true;
      target.scrollIntoView();
      target.querySelector("summary").focus({ preventScroll: true });
    }
  }

  addEventListener("hashchange", openTarget);
  document.addEventListener("click", (event) => {
    if (event.target.closest("a")?.hash === location.hash && location.hash) openTarget();
  });
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    openAll(true, "details");
  });
  addEventListener("afterprint", () => {
    for (const element of closed) element.open = false;
  });

  document.documentElement.classList.add("js");
  for (const player of document.querySelectorAll(".player")) show(player, 0);
  openTarget();
})();
