// Mouse, touch and wheel on the pictures.

const pointers = new Map(); // id -> {x, y}, at most two count
const STILL = 5; // pixels that a click may move

/** A point of the window from the centre of the pane that it lies in, and the side of that pane. */
function inPane(event) {
  const pane = event.target.closest(".pane") ?? panes.after;
  const box = pane.getBoundingClientRect();
  return {
    side: pane === panes.before ? "before" : mainSide(),
    x: event.clientX - box.left,
    y: event.clientY - box.top,
    fromCentreX: event.clientX - box.left - box.width / 2,
    fromCentreY: event.clientY - box.top - box.height / 2,
  };
}

function startPointers() {
  let gesture = null; // {moved, onHandle, place}
  /** How far two fingers are apart, and their middle from the pane's centre. */
  const fingers = () => {
    const [one, other] = [...pointers.values()];
    const box = panes.after.getBoundingClientRect();
    return {
      apart: Math.hypot(one.x - other.x, one.y - other.y),
      x: (one.x + other.x - box.left - box.right) / 2,
      y: (one.y + other.y - box.top - box.bottom) / 2,
    };
  };
  stage.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest(".rail, .floating")) return;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const onHandle = handle.contains(event.target);
    const swiping = event.pointerType === "touch" && state.view === "slider" && stage.classList.contains("at-fit");
    gesture = { moved: 0, slides: onHandle || swiping, onHandle, place: inPane(event), several: pointers.size > 1 };
    if (onHandle) stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) {
      if (event.pointerType === "mouse") {
        const { side, x, y } = inPane(event);
        hover(handle.contains(event.target) ? -1 : regionAt(side, x, y));
      }
      return;
    }
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    const before = pointers.size === 2 ? fingers() : null;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    gesture.moved += Math.hypot(dx, dy);
    if (gesture.moved > STILL && !stage.hasPointerCapture(event.pointerId)) stage.setPointerCapture(event.pointerId);
    if (before) {
      const now = fingers();
      panBy(dx / 2, dy / 2);
      if (before.apart > 0) zoomBy(now.apart / before.apart, now.x, now.y);
    } else if (gesture.slides) {
      const box = panes.after.getBoundingClientRect();
      setSplit((event.clientX - box.left) / box.width);
    } else if (gesture.moved > STILL) {
      panBy(dx, dy);
    }
  });
  const end = (event) => {
    if (!pointers.delete(event.pointerId) || pointers.size) return;
    const { side, x, y } = gesture.place;
    const clicked = event.type === "pointerup" && gesture.moved <= STILL && !gesture.onHandle && !gesture.several;
    if (clicked) {
      const index = regionAt(side, x, y);
      if (index >= 0) select(index, { look: false });
    }
  };
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", end);
  stage.addEventListener("pointerleave", () => hover(-1));
  stage.addEventListener("dblclick", (event) => {
    if (event.target.closest(".rail, .floating")) return;
    if (handle.contains(event.target)) {
      setSplit(0.5);
      return;
    }
    const { fromCentreX, fromCentreY } = inPane(event);
    if (camera.zoom > fitZoom().zoom * 1.5) fit({ animated: true });
    else zoomBy(3, fromCentreX, fromCentreY);
  });
  // With two fingers the picture zooms, never the page.
  stage.addEventListener("touchstart", (event) => event.touches.length > 1 && event.preventDefault(), { passive: false });
}

function startWheel() {
  const onWheel = (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 18 : 1;
    const [dx, dy] = [event.deltaX * lines, event.deltaY * lines];
    if (event.ctrlKey || event.metaKey || !fitZoom().long) {
      const { fromCentreX, fromCentreY } = inPane(event);
      zoomBy(Math.exp(-dy * (event.ctrlKey && Math.abs(dy) < 40 ? 0.01 : 0.0016)), fromCentreX, fromCentreY);
    } else {
      panBy(-dx, -dy);
    }
  };
  stage.addEventListener("wheel", onWheel, { passive: false });
}

function startRail() {
  const go = (event) => {
    const box = rail.getBoundingClientRect();
    const y = ((event.clientY - box.top) / box.height) * grids.after.height;
    moveTo({ x: camera.x, y, zoom: camera.zoom }, false);
  };
  rail.addEventListener("pointerdown", (event) => {
    rail.setPointerCapture(event.pointerId);
    go(event);
  });
  rail.addEventListener("pointermove", (event) => rail.hasPointerCapture(event.pointerId) && go(event));
}
