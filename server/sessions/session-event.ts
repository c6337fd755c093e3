import type { Activation } from "../model/spec.ts";

/** Events kept of a session, the newest; the store's audit has them all. */
export const retainedEvents = 100;

/** Something that changed a session's course. */
export type SessionEvent = { readonly step: number; readonly timeMs: number } & (
  | { readonly kind: "activationSwapped"; readonly from: Activation; readonly to: Activation }
  | { readonly kind: "engineMoved"; readonly from: string; readonly to: string }
  | { readonly kind: "snapshotRestored"; readonly fromStep: number; readonly toStep: number }
  | { readonly kind: "sessionForked"; readonly session: string }
  | { readonly kind: "triggerFired"; readonly trigger: string; readonly detail: string }
);
