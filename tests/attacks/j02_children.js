// tests/attacks/j02_children.js -- hostile: children
// NAME: children
// MODE: program
// WHAT: child processes of every kind, clusters
// EXPECTED: ok, runtime_error
// OBSERVE: no ESCAPED line
const cp = require('child_process');
for (const f of [() => cp.execSync('id'), () => cp.execFileSync('/bin/ls'), () => cp.spawnSync('/usr/bin/python3', ['-c', '1']).status === 0 || (() => { throw 0; })()]) {
  try { f(); console.log('ESCAPED'); } catch (e) { console.log('CONTAINED'); }
}
process.exit(0);
