// tests/attacks/j01_bindings.js -- hostile: bindings
// NAME: bindings
// MODE: program
// WHAT: the internals of node: bindings, libraries, reports, inspectors
// EXPECTED: ok, runtime_error
// OBSERVE: no ESCAPED line
const tries = {
  binding: () => process.binding('spawn_sync').spawn({ file: '/bin/sh', args: ['sh'], stdio: [] }).error < 0 && null,
  dlopen: () => process.dlopen({ exports: {} }, '/lib/x86_64-linux-gnu/libc.so.6'),
  setuid: () => process.getuid() !== 0 && process.setuid(0) === undefined,
  kill: () => { try { process.kill(1, 9); } catch (e) { if (e.code !== 'EPERM') return null; throw e; } return null; },
  host: () => require('fs').readFileSync('/etc/passwd'),
  proc: () => require('fs').readFileSync('/proc/self/environ'),
  write: () => require('fs').writeFileSync('/usr/gx', 'x'),
  environment: () => Object.keys(process.env).some(k => /GRPO|KEY|TOKEN/.test(k)) || null,
  inspector: () => require('inspector').open(0) && require('inspector').url(),
};
for (const [name, f] of Object.entries(tries)) {
  try { console.log(f() ? 'ESCAPED ' + name : 'CONTAINED ' + name); } catch (e) { console.log('CONTAINED', name, e.code || e.name); }
}
process.exit(0);
