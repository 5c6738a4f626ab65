// The search runs in a worker, and browsers start none for a page that was opened as a file. There it runs in a hidden
// frame instead, so that the built site can be searched without a server and without a network.
if (location.protocol === "file:") {
  const later = (deliver) => setTimeout(deliver); // as between a page and a worker: copies, and never at once
  window.Worker = class {
    constructor(url) {
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.srcdoc = `<script src="${new URL(url, location.href).href}"></script>`;
      this.loaded = new Promise((resolve) => this.frame.addEventListener("load", resolve)).then(() => {
        const inside = this.frame.contentWindow;
        inside.postMessage = (data) => later(() => this.onmessage && this.onmessage({ data: structuredClone(data) }));
        return inside;
      });
      document.body.append(this.frame);
    }

    postMessage(data) {
      const copy = structuredClone(data);
      this.loaded.then((inside) => later(() => inside.onmessage({ data: copy })));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
