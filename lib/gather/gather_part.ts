import type { BatchCallsOptions } from "./batch_calls.ts";
import type { RefusablePart } from "./early_refusal.ts";
import type { PagesOptions } from "./pages.ts";
import type { Inputs } from "../template/inputs.ts";
import type { Selection } from "../json/pick.ts";
import type { Renaming } from "../json/rename.ts";
import type { Call, Policy, Source } from "../core/source.ts";
import type { TemplateName } from "../template/reference.ts";

/** A part of a gather: the source, and how to make its call. */
export interface GatherPart extends RefusablePart {
  readonly source: Source;
  /** Makes the part's call. Throws a GatewayError when a value cannot be used. */
  readonly call: (inputs: Inputs) => Call;
  /** The client's headers that the call uses, in lower case (default none). */
  readonly clientHeaders?: readonly string[];
  /** Whether the call carries the client's Authorization (default false). */
  readonly isAuthorized?: boolean;
  /** Whether the response may depend on the client (default false). */
  readonly isPerClient?: boolean;
  /** Whether to call it (default: always). */
  readonly when?: PartCondition | undefined;
  /** Whether it is called although a part that it needs was skipped (default false). */
  readonly acceptsSkipped?: boolean;
  /** Makes a call for each item of a list, instead of one. */
  readonly each?: EachItem;
  /** Sends the values of a list together, instead of making one call. */
  readonly batch?: BatchedList;
  /** Walks the pages of a list, instead of making one call. */
  readonly pages?: PagedList;
  /** Whether the response has no member for it (default false). */
  readonly isHidden?: boolean;
  /** Whether the response is useful without this part. */
  readonly optional: boolean;
  /** The JSON value that replaces an optional part when it fails (default null). */
  readonly otherwise?: unknown;
}

/** Whether to call a part, or to make the call for an item. */
export interface PartCondition {
  /** Whether it reads the results of other parts, so that it is decided after them. */
  readonly isLate: boolean;
  /** Whether it is decided for each item of an `each`. */
  readonly usesItem: boolean;
  /** Decides it. Throws a GatewayError, the part's failure, when a value cannot be used. */
  readonly holds: (inputs: Inputs) => boolean;
}

/** A list to make calls for, item by item. */
export interface EachItem {
  /** The reference to the list. */
  readonly items: TemplateName;
  /** Maximum concurrent calls. */
  readonly concurrency: number;
  /** Maximum items. */
  readonly max: number;
}

/** A list whose values are sent together. */
export interface BatchedList extends Omit<BatchCallsOptions, "call"> {
  /** The reference to the list. */
  readonly items: TemplateName;
  /** Maximum values. */
  readonly maxItems: number;
}

/** A paginated list. */
export interface PagedList {
  readonly walk: PagesOptions;
  /** The members to pick of each item (default all). */
  readonly pick?: Selection | undefined;
  /** The members to rename in each item (default none). */
  readonly rename?: Renaming | undefined;
  /** Transforms the whole list, which is then not streamed page by page. */
  readonly shape?: Policy | undefined;
}
