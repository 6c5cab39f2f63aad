/** An object of an OpenAPI document, or of a JSON Schema in it. */
export type DocObject = { readonly [key: string]: unknown };

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument extends DocObject {
  readonly openapi: "3.1.0";
  readonly info: DocObject;
  readonly paths: Readonly<Record<string, DocObject>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, DocObject>>>>;
}

/** The methods of operations, in the order of the document. */
export type OperationMethod = "get" | "post" | "put" | "patch" | "delete";

/** Returns a reference to a component: `ref("schemas", "Problem")`. */
export function ref(kind: string, name: string): DocObject {
  return { $ref: `#/components/${kind}/${name}` };
}
