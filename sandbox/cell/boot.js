// sandbox/cell/boot.js -- loaded before the program in every node of a cage.
//
// A node that was started ahead waits here for the files; all then find their streams under the
// names of /dev, for which there is no /proc in a cage.
'use strict';
if (require('worker_threads').isMainThread) {
  const fs = require('fs');

  // The bytes are those of a job: {u32 name size, u32 size, name, 0, bytes, 0} each.
  const take = () => {
    const block = Buffer.allocUnsafe(65536), parts = [];
    for (let n; (n = fs.readSync(3, block, 0, block.length, null)) > 0;)
      parts.push(Buffer.from(block.subarray(0, n)));
    fs.closeSync(3);
    const all = Buffer.concat(parts);
    for (let at = 0; at < all.length;) {
      const end = at + 8 + all.readUInt32LE(at), size = all.readUInt32LE(at + 4);
      fs.writeFileSync(all.toString('utf8', at + 8, end),
                       all.subarray(end + 1, end + 1 + size), {flag: 'wx', mode: 0o644});
      at = end + size + 2;
    }
  };
  if (!fs.existsSync('main.js')) take();

  const names = ['stdin', 'stdout', 'stderr'];
  const fd = (path) => typeof path === 'string' && path.startsWith('/dev/') ? names.indexOf(path.slice(5)) : -1;
  const wrap = (on, name, at) => {
    const real = on[name];
    on[name] = function(path, ...rest) {
      const n = fd(path);
      return n < 0 ? real.call(this, path, ...rest) : at(n, rest, real);
    };
  };
  for (const verb of ['readFile', 'writeFile', 'appendFile']) {
    wrap(fs, verb + 'Sync', (n, rest, real) => real(n, ...rest));
    const later = require('util').promisify(fs[verb]);
    wrap(fs, verb, (n, rest, real) => real(n, ...rest));
    wrap(fs.promises, verb, (n, rest) => later(n, ...rest));
  }
  const with_fd = (n, options) => ({...(typeof options === 'string' ? {encoding: options} : options), fd: n});
  wrap(fs, 'createReadStream', (n, [options], real) => real(null, with_fd(n, options)));
  wrap(fs, 'createWriteStream', (n, [options], real) => real(null, with_fd(n, options)));
  wrap(fs, 'openSync', (n) => n);
  wrap(fs, 'open', (n, rest) => process.nextTick(rest[rest.length - 1], null, n));
  wrap(fs, 'existsSync', () => true);
  require('module').syncBuiltinESMExports();

  const asked = process.execArgv.indexOf('-r');
  if (asked >= 0) process.execArgv.splice(asked, 2);
  delete require.cache[__filename];
}
