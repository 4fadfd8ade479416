/**
 * Checks requests against an OpenAPI 3.0 description: the part of JSON schema that such descriptions use. It is
 * stricter in one place: a property that an object schema does not name is an error, because servers drop it silently.
 */

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

interface Schema {
  $ref?: string;
  type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  format?: string;
  nullable?: boolean;
  enum?: Json[];
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  minItems?: number;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: Schema;
}

interface Operation {
  operationId: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: { 'application/json': { schema: Schema } } };
}

export interface OpenApiDocument {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

export interface SentRequest {
  method: string;
  /** With the query string. */
  url: string;
  /** Parsed; undefined where none was sent. */
  body: unknown;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export class OpenApiValidator {
  readonly #document: OpenApiDocument;

  constructor(document: OpenApiDocument) {
    this.#document = document;
  }

  /** @returns the operation's id and what is wrong with the request, each with the place */
  check(request: SentRequest): { operationId: string | null; problems: string[] } {
    const url = new URL(request.url, 'http://server');
    const found = this.#operation(request.method, url.pathname);
    if (found === null) {
      return { operationId: null, problems: [`${request.method} ${url.pathname} is not described`] };
    }
    const { operation, pathValues } = found;
    const problems = this.#checkParameters(operation, pathValues, url.searchParams);
    const schema = operation.requestBody?.content['application/json'].schema;
    if (schema === undefined) {
      if (request.body !== undefined) problems.push('a body is sent where none is described');
    } else if (request.body === undefined) {
      if (operation.requestBody?.required) problems.push('the body is missing');
    } else {
      problems.push(...this.#validate(schema, request.body as Json, 'body'));
    }
    return { operationId: operation.operationId, problems };
  }

  #operation(
    method: string,
    path: string,
  ): { operation: Operation; pathValues: Record<string, string> } | null {
    // A literal path goes before one with a parameter in its place.
    const templates = Object.keys(this.#document.paths).sort(
      (a, b) => a.split('{').length - b.split('{').length,
    );
    for (const template of templates) {
      const names = [...template.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);
      const match = new RegExp(`^${template.replace(/\{\w+\}/g, '([^/]+)')}$`).exec(path);
      const operation = this.#document.paths[template]?.[method.toLowerCase()];
      if (match === null || operation === undefined) continue;
      const pathValues = Object.fromEntries(
        names.map((name, n) => [name, decodeURIComponent(match[n + 1] ?? '')]),
      );
      return { operation, pathValues };
    }
    return null;
  }

  #checkParameters(operation: Operation, path: Record<string, string>, query: URLSearchParams): string[] {
    const problems: string[] = [];
    const known = operation.parameters ?? [];
    for (const name of query.keys()) {
      if (!known.some((one) => one.in === 'query' && one.name === name))
        problems.push(`query ${name} is not described`);
    }
    for (const { name, in: place, required, schema } of known) {
      const text =
        place === 'path' ? path[name] : place === 'query' ? (query.get(name) ?? undefined) : undefined;
      if (text === undefined) {
        if (required && place !== 'header') problems.push(`${place} ${name} is missing`);
        continue;
      }
      // Parameters travel as text; what reads as a number or a truth value may be meant as one.
      const readings: Json[] = [text];
      if (/^-?\d+(\.\d+)?$/.test(text)) readings.push(Number(text));
      if (text === 'true' || text === 'false') readings.push(text === 'true');
      const results = readings.map((reading) => this.#validate(schema, reading, `${place} ${name}`));
      if (results.every((result) => result.length > 0)) problems.push(...(results[0] ?? []));
    }
    return problems;
  }

  #validate(given: Schema, value: Json, at: string): string[] {
    const schema = this.#resolve(given);
    if (value === null) return this.#allowsNull(schema) ? [] : [`${at} is null`];
    if (schema.enum && !schema.enum.includes(value)) return [`${at} is none of ${schema.enum.join(', ')}`];
    const problems: string[] = [];
    for (const alternatives of [schema.anyOf, schema.oneOf]) {
      if (alternatives) problems.push(...this.#validateAny(alternatives, value, at));
    }
    for (const part of schema.allOf ?? []) problems.push(...this.#validate(part, value, at));
    return [...problems, ...this.#validateType(schema, value, at)];
  }

  /** An alternative of nothing but `nullable` stands for null and fits no value. */
  #validateAny(alternatives: Schema[], value: Json, at: string): string[] {
    const real = alternatives.filter((one) => Object.keys(one).some((key) => key !== 'nullable'));
    const results = real.map((one) => this.#validate(one, value, at));
    if (results.some((result) => result.length === 0)) return [];
    const closest = results.sort((a, b) => a.length - b.length)[0] ?? [];
    return [`${at} fits no alternative`, ...closest.map((problem) => `  ${problem}`)];
  }

  #validateType(schema: Schema, value: Json, at: string): string[] {
    switch (schema.type) {
      case undefined:
        return [];
      case 'boolean':
        return typeof value === 'boolean' ? [] : [`${at} is no boolean`];
      case 'string':
        return this.#validateString(schema, value, at);
      case 'number':
      case 'integer':
        return this.#validateNumber(schema, value, at);
      case 'array': {
        if (!Array.isArray(value)) return [`${at} is no array`];
        const short = value.length < (schema.minItems ?? 0) ? [`${at} has too few items`] : [];
        const items = schema.items;
        return items
          ? [...short, ...value.flatMap((item, n) => this.#validate(items, item, `${at}[${n}]`))]
          : short;
      }
      case 'object':
        return this.#validateObject(schema, value, at);
    }
  }

  #validateString(schema: Schema, value: Json, at: string): string[] {
    if (typeof value !== 'string') return [`${at} is no string`];
    if (value.length < (schema.minLength ?? 0)) return [`${at} is too short`];
    return schema.format === 'uuid' && !UUID.test(value) ? [`${at} is no UUID`] : [];
  }

  #validateNumber(schema: Schema, value: Json, at: string): string[] {
    if (typeof value !== 'number') return [`${at} is no number`];
    if (schema.type === 'integer' && !Number.isInteger(value)) return [`${at} is no integer`];
    if (value < (schema.minimum ?? -Infinity) || value > (schema.maximum ?? Infinity))
      return [`${at} is out of range`];
    return [];
  }

  #validateObject(schema: Schema, value: Json, at: string): string[] {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${at} is no object`];
    const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(value, name));
    const problems = missing.map((name) => `${at}.${name} is missing`);
    for (const [name, item] of Object.entries(value)) {
      const property = schema.properties?.[name];
      const other = schema.additionalProperties;
      if (property) problems.push(...this.#validate(property, item, `${at}.${name}`));
      else if (typeof other === 'object') problems.push(...this.#validate(other, item, `${at}.${name}`));
      else if (other !== true) problems.push(`${at}.${name} is not described`);
    }
    return problems;
  }

  #allowsNull(schema: Schema): boolean {
    return (
      schema.nullable === true ||
      [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].some((one) => one.nullable)
    );
  }

  #resolve(schema: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const name = schema.$ref.replace('#/components/schemas/', '');
    const target = this.#document.components.schemas[name];
    if (target === undefined) throw new Error(`The description refers to ${schema.$ref}, which it lacks.`);
    return this.#resolve(target);
  }
}
