// What tests see and click of a page, through all shadow roots; `tests/e2e/chromium.py` puts it into each page as `lab`.
globalThis.lab = (() => {
  const every = function* (root) {
    for (const each of root.querySelectorAll("*")) {
      yield each;
      if (each.shadowRoot) yield* every(each.shadowRoot);
    }
  };
  const above = (each) => each.assignedSlot ?? each.parentNode ?? each.host;
  const isWithin = (inner, outer) => {
    for (let each = inner; each; each = above(each)) if (each === outer) return true;
    return false;
  };
  const isShown = (each) => {
    const box = each.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && each.checkVisibility({visibilityProperty: true});
  };
  // What is shown, of the dialog that is open last where there is one: the rest is behind it.
  const shown = () => {
    const all = [...every(document)].filter(isShown);
    const dialog = all.filter((each) => each.localName === "dialog" && each.open).at(-1);
    return dialog ? all.filter((each) => isWithin(each, dialog)) : all;
  };
  const words = (text) => text.replace(/\s+/g, " ").trim();
  const said = (each) => {
    const own = [...each.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data);
    const named = [each.getAttribute("aria-label"), each.getAttribute("placeholder"), each.label, each.placeholder];
    return [own.join(""), ...named].filter((text) => typeof text === "string").map(words).filter(Boolean);
  };
  const find = (text, isWhole) =>
    shown().find((each) => said(each).some((one) => (isWhole ? one === text : one.includes(text))));
  const at = (x, y) => {
    let hit = document.elementFromPoint(x, y);
    while (hit?.shadowRoot) {
      const below = hit.shadowRoot.elementFromPoint(x, y);
      if (!below || below === hit) break;
      hit = below;
    }
    return hit;
  };
  // Where an element can be clicked: null while something lies over it.
  const point = (each) => {
    if (!each) return null;
    each.scrollIntoView({block: "nearest", inline: "nearest"});
    const box = each.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const hit = at(x, y);
    let around = each; // what reacts to a click may lie beside the text, over all of a row
    for (let level = 0; level < 6 && above(around); level++) around = above(around);
    return hit && isWithin(hit, around) ? [Math.round(x), Math.round(y)] : null;
  };
  const field = (label) =>
    shown().find((each) => {
      if (each.localName !== "input" && each.localName !== "textarea") return false;
      for (let around = each, level = 0; around && level < 12; around = above(around), level++)
        if (around.nodeType === Node.ELEMENT_NODE && said(around).some((one) => one.startsWith(label))) return true;
      return false;
    });
  return {
    shows: (text, isWhole) => Boolean(find(text, isWhole)),
    place: (text, isWhole) => point(find(text, isWhole)),
    placeOfField: (label) => point(field(label)),
    valueOf: (label) => field(label)?.value,
    placeOf: (selector) => point(shown().find((each) => each.matches(selector))),
    video: () => {
      const video = shown().filter((each) => each.localName === "video").at(-1);
      if (!video) return null;
      const {totalVideoFrames} = video.getVideoPlaybackQuality();
      return {
        width: video.videoWidth, height: video.videoHeight, at: video.currentTime, frames: totalVideoFrames,
        ended: video.ended, error: video.error?.message ?? "",
      };
    },
    // How much of the video in front is not as it was when this was asked first, of 1.
    change: () => {
      const canvas = new OffscreenCanvas(64, 36).getContext("2d");
      canvas.drawImage(shown().filter((each) => each.localName === "video").at(-1), 0, 0, 64, 36);
      const {data} = canvas.getImageData(0, 0, 64, 36);
      globalThis.labBefore ??= data;
      return data.filter((value, at) => Math.abs(value - globalThis.labBefore[at]) > 50).length / data.length;
    },
    pictures: () =>
      shown().every((each) => {
        if (each.localName === "ha-media-browser-thumbnail") return each.shadowRoot.querySelector(".image");
        return each.localName !== "img" || each.complete;
      }),
    text: () => [...new Set(shown().flatMap(said))].join(" | "),
  };
})();
