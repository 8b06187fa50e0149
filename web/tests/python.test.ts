import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { setValue, updateNode } from '../src/graph/edit';
import { pythonScript } from '../src/graph/python';
import { toApiForm } from '../src/graph/serialize';
import { TOY } from './material';
import { chain } from './subgraphMaterial';

describe('a workflow as a Python script', () => {
  const odd = 'a "quoted" \\ fox\n🦊 \u2028 é';
  const graph = updateNode(setValue(setValue(chain(), '5', 'text', odd), '3', 'seed', 18446744073709551615n), '4', { title: 'The\nresult' });
  const script = pythonScript(toApiForm(graph, TOY), 'My "fox"\\', 'http://127.0.0.1:8188');

  it('names nodes, values and the server', () => {
    expect(script).toMatch(/^"""My fox: runs on a server/);
    expect(script).toContain('SERVER = "http://127.0.0.1:8188"');
    expect(script).toContain('    # The result\n    "4": {"class_type": "Show", "inputs": {"images": ["3", 0]}},');
    expect(script).toContain('"seed": 18446744073709551615');
  });

  it('breaks long nodes into lines, and writes values as Python does', () => {
    const values = { on: true, off: false, none: null, list: [1, 2.5], map: { a: 'b' }, long: 'x'.repeat(120) };
    const prompt = { '1': { class_type: 'A', inputs: values } };
    expect(pythonScript(prompt, 'n', 's')).toContain('        "on": True,\n        "off": False,\n        "none": None,\n        "list": [1, 2.5],\n        "map": {"a": "b"},\n');
  });

  const python = spawnSync('python3', ['--version']).status === 0;
  it.skipIf(!python)('is Python that holds the same workflow', () => {
    const program = 'import sys, json; scope = {"__name__": "script"}; exec(compile(sys.stdin.read(), "script", "exec"), scope); print(json.dumps(scope["WORKFLOW"]["5"]["inputs"]["text"]), scope["WORKFLOW"]["3"]["inputs"]["seed"])';
    const { stdout, stderr } = spawnSync('python3', ['-c', program], { input: script, encoding: 'utf8' });
    expect(stderr).toBe('');
    const [text = '', seed] = stdout.trim().split(/ (?=\d+$)/);
    expect(JSON.parse(text)).toBe(odd);
    expect(seed).toBe('18446744073709551615');
  });
});
