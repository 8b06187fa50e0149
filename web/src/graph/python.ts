/** A workflow as a Python script that runs it, on a server or in its own process. */
import { isObject } from './json';
import type { ApiNode, ApiPrompt } from './serialize';

const WIDTH = 110;

/** A JSON value as Python writes it; strings of JSON are strings of Python. */
function literal(value: unknown): string {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (isObject(value)) return `{${Object.entries(value).map(([key, item]) => `${literal(key)}: ${literal(item)}`).join(', ')}}`;
  return JSON.stringify(value);
}

/** A node on one line, or with a line for each input where that would be too long. */
function nodeLines(id: string, { class_type, inputs }: ApiNode): string[] {
  const head = `    ${literal(id)}: {"class_type": ${literal(class_type)}, "inputs": {`;
  const entries = Object.entries(inputs).map(([name, value]) => `${literal(name)}: ${literal(value)}`);
  const short = `${head}${entries.join(', ')}}},`;
  if (short.length <= WIDTH) return [short];
  return [head, ...entries.map((entry) => `        ${entry},`), '    }},'];
}

function titleOf({ class_type, _meta }: ApiNode): string {
  const title = isObject(_meta) ? _meta['title'] : undefined;
  return typeof title === 'string' && title !== '' && title !== class_type ? `    # ${title.replace(/\s+/g, ' ')}` : '';
}

const RUN = `

def by_server(server: str) -> None:
    """Submit the workflow, wait for its end and fetch what it made."""

    def ask(path: str, body: object = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(server + path, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    job = json.loads(ask("/v1/jobs", {"workflow": WORKFLOW}))
    ask(f"{job['url']}/events")  # the stream ends with the job
    job = json.loads(ask(job["url"]))
    print(job["state"])
    for artifact in job["artifacts"]:
        name = Path(artifact["name"]).name
        Path(name).write_bytes(ask(artifact["url"]))
        print(name)


def in_this_process() -> None:
    """Run the workflow here, with the models in the data folder of sd35graph."""
    from sd35graph.local import LocalEngine
    from sd35graph.settings import Settings

    result = LocalEngine(Settings.load({})).run(WORKFLOW)
    print(result.error or "done")
    for path in result.files:
        print(path)


if __name__ == "__main__":
    if "--local" in sys.argv:
        in_this_process()
    else:
        by_server(SERVER)
`;

/**
 * The script. It needs nothing but Python's own library, or with \`--local\` sd35graph itself.
 *
 * @param server address that the script submits to.
 */
export function pythonScript(prompt: ApiPrompt, name: string, server: string): string {
  const title = name.replace(/["\\\s]+/g, ' ').trim();
  const nodes = Object.entries(prompt).flatMap(([id, node]) => [titleOf(node), ...nodeLines(id, node)].filter(Boolean));
  return [
    `"""${title}: runs on a server of sd35graph, or with --local in this process."""`, '',
    'import json', 'import sys', 'import urllib.request', 'from pathlib import Path', '',
    `SERVER = ${literal(server)}`, 'WORKFLOW = {', ...nodes, '}',
  ].join('\n') + RUN;
}
