// `kalshi-typescript`: methods of classes by subject, positional arguments, bodies as objects. Same talk as talk.py.
// Where the package lies comes in KALSHI_TYPESCRIPT; the private CA comes in NODE_EXTRA_CA_CERTS, the proxy in HTTPS_PROXY.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";

const sdk = createRequire(process.env.KALSHI_TYPESCRIPT + "/")("kalshi-typescript");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const job = JSON.parse((await lines.next()).value);
const configuration = new sdk.Configuration({
  apiKey: job.key_id,
  privateKeyPath: job.key_file,
  basePath: job.base_url,
});
const clients = {};

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

/** The names of a method's parameters, but for the last one, `options`. */
function parameters(method) {
  const [, list] = String(method).match(/\(([^)]*)\)/);
  return list.split(",").map((name) => name.trim()).slice(0, -1);
}

/** The arguments in the method's order; what it has no name for goes into the object that it calls `...Request`. */
function positional(method, given) {
  const names = parameters(method);
  const body = Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(camel(name))));
  const own = Object.fromEntries(Object.entries(given).map(([name, value]) => [camel(name), value]));
  return names.map((name) => (name.endsWith("Request") ? body : own[name]));
}

async function call(name, given) {
  const [owner, method] = name.split(".");
  clients[owner] ??= new sdk[owner](configuration);
  const answer = await clients[owner][method](...positional(clients[owner][method], given));
  return answer.data === "" ? null : answer.data;
}

/** What a user sees: the error's class and text, and the exchange's words from `response.data`. */
function refusal(error) {
  const said = error.response ? " " + JSON.stringify(error.response.data) : "";
  return { ok: false, kind: error.constructor.name, status: error.response?.status ?? null, text: error.message + said };
}

for await (const line of lines) {
  const request = JSON.parse(line);
  const answer = await call(request.call, request.arguments)
    .then((result) => ({ ok: true, result: result ?? null }))
    .catch(refusal);
  process.stdout.write(JSON.stringify(answer) + "\n");
}
