// The search runs in a worker, and browsers start none for a page that was opened as a file. There it runs in a hidden
// frame instead, so that the built site can be searched without a server and without a network.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(url) {
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.srcdoc = `<script src="${new URL(url, location.href).href}"></script>`;
      this.loaded = new Promise((resolve) => this.frame.addEventListener("load", resolve)).then(() => {
        const inside = this.frame.contentWindow;
        inside.postMessage = (data) => this.onmessage && this.onmessage({ data });
        return inside;
      });
      document.body.append(this.frame);
    }

    postMessage(data) {
      this.loaded.then((inside) => inside.onmessage({ data }));
    }

    terminate() {
      this.frame.remove();
    }
  };
}
