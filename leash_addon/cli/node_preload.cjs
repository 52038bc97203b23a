// Sends https and fetch of Node < 22.21 through HTTPS_PROXY, which those versions ignore.
// Loaded by NODE_OPTIONS=--require; does nothing where Node itself obeys NODE_USE_ENV_PROXY.
'use strict';

const [major, minor] = process.versions.node.split('.').map(Number);
const obeys = major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
const address = process.env.HTTPS_PROXY || process.env.https_proxy;

if (!obeys && address) install(new URL(address));

function install(proxy) {
  const net = require('node:net');
  const tls = require('node:tls');
  const http = require('node:http');
  const https = require('node:https');
  const { Duplex } = require('node:stream');
  const direct = new Set((process.env.NO_PROXY || '').split(',').map((name) => name.trim()).filter(Boolean));
  const user = decodeURIComponent(proxy.username) + ':' + decodeURIComponent(proxy.password);
  const credentials = Buffer.from(user).toString('base64');

  const bare = (host) => host.replace(/^\[|\]$/g, '');
  const goesDirect = (host, port) => direct.has(host)
    || (host === bare(proxy.hostname) && String(port) === proxy.port)
    || [...direct].some((name) => name.startsWith('.') && host.endsWith(name));

  // A connection through the proxy that can be written to before the proxy has answered.
  class Tunnel extends Duplex {
    constructor(host, port) {
      super();
      const target = (host.includes(':') ? '[' + host + ']' : host) + ':' + port;
      this.head = Buffer.alloc(0);
      this.open = false;
      const proxyHost = bare(proxy.hostname);
      this.socket = proxy.protocol === 'https:'
        ? tls.connect({ host: proxyHost, port: Number(proxy.port) || 443, servername: net.isIP(proxyHost) ? '' : proxyHost })
        : net.connect(Number(proxy.port) || 80, proxyHost);
      this.socket.setNoDelay(true);
      this.socket.write('CONNECT ' + target + ' HTTP/1.1\r\nHost: ' + target
        + '\r\nProxy-Authorization: Basic ' + credentials + '\r\n\r\n');
      this.socket.on('data', (chunk) => (this.open ? this.pass(chunk) : this.answer(chunk)));
      this.socket.on('end', () => (this.open ? this.push(null) : this.destroy(new Error('leash closed the tunnel to ' + target))));
      this.socket.on('error', (error) => this.destroy(error));
      this.socket.on('close', () => this.destroy());
    }

    answer(chunk) {
      this.head = Buffer.concat([this.head, chunk]);
      const end = this.head.indexOf('\r\n\r\n');
      if (end < 0) return;
      const status = this.head.toString('latin1', 0, end).split(' ')[1];
      if (status !== '200') {
        this.destroy(new Error('leash refused the tunnel with status ' + status));
        return;
      }
      this.open = true;
      const rest = this.head.subarray(end + 4);
      this.head = null;
      this.emit('open');
      if (this.waiting) this.waiting();
      if (rest.length) this.pass(rest);
    }

    pass(chunk) { if (!this.push(chunk)) this.socket.pause(); }
    _read() { this.socket.resume(); }
    _write(chunk, encoding, done) {
      if (this.open) this.socket.write(chunk, done);
      else this.waiting = () => { this.waiting = null; this.socket.write(chunk, done); };
    }
    _final(done) { this.socket.end(done); }
    _destroy(error, done) { this.socket.destroy(); done(error); }
    setTimeout(...args) { this.socket.setTimeout(...args); return this; }
    setNoDelay() { return this; }
    setKeepAlive(...args) { this.socket.setKeepAlive(...args); return this; }
    ref() { this.socket.ref(); return this; }
    unref() { this.socket.unref(); return this; }
  }

  const secure = (options, host, port) => {
    const tunnel = new Tunnel(host, port);
    const servername = options.servername || (net.isIP(host) ? '' : host);
    const socket = tls.connect({
      ...options, host: undefined, port: undefined, path: undefined, socket: tunnel, servername,
    });
    // An idle connection must not keep the program alive: pass that on to the real socket.
    socket.ref = () => { tunnel.ref(); return socket; };
    socket.unref = () => { tunnel.unref(); return socket; };
    return socket;
  };

  // http.request and https.request, and everything on top of their agents.
  const patch = (agent, port, connect) => {
    const original = agent.prototype.createConnection;
    agent.prototype.createConnection = function createConnection(options, ...rest) {
      const host = options && (options.host || options.hostname);
      const skip = !host || options.socket || options.socketPath;
      if (skip || goesDirect(bare(host), options.port || port)) {
        return original.call(this, options, ...rest);
      }
      return connect(options, bare(host), options.port || port);
    };
  };
  patch(https.Agent, 443, secure);
  patch(http.Agent, 80, (options, host, port) => new Tunnel(host, port));

  // fetch: the bundled undici keeps its dispatcher under this symbol, which has no other door.
  const slot = Symbol.for('undici.globalDispatcher.1');
  const route = () => {
    void globalThis.Headers;  // loads undici, which makes its dispatcher
    const Agent = globalThis[slot] && globalThis[slot].constructor;
    if (!Agent || Agent.name !== 'Agent') return;
    const plain = new Agent();
    const tunnelled = new Agent({
      connect(options, done) {
        const { protocol, servername } = options;
        const port = options.port || (protocol === 'https:' ? 443 : 80);
        const host = bare(options.hostname);
        const socket = protocol === 'https:'
          ? secure({ servername, ALPNProtocols: ['http/1.1'] }, host, port)
          : new Tunnel(host, port);
        const ready = protocol === 'https:' ? 'secureConnect' : 'open';
        socket.once(ready, () => done(null, socket)).once('error', done);
      },
    });
    const through = tunnelled.dispatch;
    tunnelled.dispatch = function dispatch(options, handler) {
      const origin = new URL(options.origin);
      const port = origin.port || (origin.protocol === 'https:' ? 443 : 80);
      const bypass = goesDirect(bare(origin.hostname), port);
      return bypass ? plain.dispatch(options, handler) : through.call(tunnelled, options, handler);
    };
    globalThis[slot] = tunnelled;
  };

  if (typeof globalThis.fetch === 'function') {
    const native = globalThis.fetch;
    let routed = false;
    globalThis.fetch = function fetch(...args) {
      if (!routed) { routed = true; route(); }
      return native.apply(this, args);
    };
  }
  if ('WebSocket' in globalThis) route();
}
