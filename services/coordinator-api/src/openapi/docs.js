// Shows /api/openapi.json and sends requests by hand. The token stays in this tab, where the dashboard keeps it too.
const TOKEN = 'fin-agent.token';
const description = await (await fetch('/api/openapi.json')).json();
const token = document.querySelector('#token');
token.value = sessionStorage.getItem(TOKEN) ?? '';
token.oninput = () => sessionStorage.setItem(TOKEN, token.value.trim());
document.querySelector('#about').textContent = `${description.info.description} Version ${description.info.version}.`;

/** An element with properties and children. */
function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function resolve(schema) {
  return schema.$ref ? description.components.schemas[schema.$ref.split('/').at(-1)] : schema;
}

/** A schema's type in words: `Plan[]`, `string | null`. */
function words(schema) {
  if (schema.$ref) return schema.$ref.split('/').at(-1);
  if (schema.oneOf) return schema.oneOf.map(words).join(' | ');
  if (schema.enum) return schema.enum.join(' | ');
  const types = [schema.type].flat().map((type) => (type === 'array' ? `${words(schema.items)}[]` : type));
  return types.join(' | ');
}

/** Fields of `schema`, and of the schemas that it names. */
function fields(schema, prefix = '', depth = 0) {
  const whole = resolve(schema);
  return Object.entries(whole.properties ?? {}).flatMap(([name, field]) => {
    const row = element('tr', {},
      element('td', {}, element('code', { textContent: prefix + name })),
      element('td', { textContent: words(field) }),
      element('td', { textContent: field.description ?? '' }));
    const inner = field.items ?? field.oneOf?.find((one) => one.$ref) ?? field;
    return [row, ...(inner.$ref && depth < 2 ? fields(inner, `${prefix}${name}.`, depth + 1) : [])];
  });
}

function example(schema) {
  const properties = Object.keys(resolve(schema).properties ?? {});
  return JSON.stringify(Object.fromEntries(properties.map((name) => [name, ''])), null, 2);
}

/** The form that sends a request, and its answer. */
function attempt(method, path, operation) {
  const inputs = operation.parameters.map((parameter) => ({ parameter, input: element('input', { autocomplete: 'off' }) }));
  const bodySchema = operation.requestBody?.content['application/json'].schema;
  const body = bodySchema && element('textarea', { value: example(bodySchema), spellcheck: false, ariaLabel: 'Body' });
  const answer = element('pre', { hidden: true });
  const form = element('form', {},
    ...inputs.map(({ parameter, input }) => element('label', { title: parameter.description }, `${parameter.name} (${parameter.in})`, input)),
    ...(body ? [body] : []),
    element('button', { textContent: 'Send' }));
  form.onsubmit = async (event) => {
    event.preventDefault();
    let url = path;
    const query = new URLSearchParams();
    const headers = token.value ? { authorization: `Bearer ${token.value.trim()}` } : {};
    for (const { parameter, input } of inputs) {
      if (parameter.in === 'path') url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value && parameter.in === 'query') query.set(parameter.name, input.value);
      else if (input.value) headers[parameter.name] = input.value;
    }
    if (body) headers['content-type'] = 'application/json';
    answer.hidden = false;
    answer.textContent = '…';
    try {
      const response = await fetch(query.size ? `${url}?${query}` : url, { method, headers, body: body?.value });
      const text = await response.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it is */ }
      answer.textContent = `${response.status} ${response.statusText}\n\n${shown}`;
    } catch (error) {
      answer.textContent = String(error);
    }
  };
  const streams = Object.values(operation.responses).some((one) => one.content?.['text/event-stream']);
  return streams ? [] : [form, answer];
}

function shown(method, path, operation) {
  const scope = operation.security[0]?.bearer[0] ?? 'no token needed';
  const success = Object.entries(operation.responses).find(([status]) => status < '300');
  const schema = success && Object.values(success[1].content)[0].schema;
  const item = schema && (schema.properties?.items?.items ?? schema);
  const rows = item ? fields(item) : [];
  return element('details', { id: operation.operationId },
    element('summary', {}, element('b', { textContent: method }), ' ', element('code', { textContent: path }), ` ${operation.summary}`),
    element('p', { textContent: `Scope: ${scope}. Answers: ${Object.keys(operation.responses).join(', ')}.` }),
    ...(rows.length ? [element('table', {}, ...rows)] : []),
    ...attempt(method.toUpperCase(), path, operation));
}

const all = Object.entries(description.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ tag: operation.tags[0], text: `${path} ${operation.summary}`.toLowerCase(), node: shown(method, path, operation) })));
const sections = description.tags.map((tag) => element('section', {},
  element('h2', { textContent: tag.description ?? tag.name }),
  ...all.filter((one) => one.tag === tag.name).map((one) => one.node)));
document.querySelector('#operations').replaceChildren(...sections);
document.querySelector('#filter').oninput = (event) => {
  for (const one of all) one.node.hidden = !one.text.includes(event.target.value.toLowerCase());
};
